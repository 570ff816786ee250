//! A reader that blocks, read on a thread for such work.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

/// How many bytes are read at a time.
const CHUNK: usize = 64 * 1024;

type Chunk = io::Result<Vec<u8>>;

/// Begins to read at the first poll.
pub(super) struct Blocking {
    reader: Option<Box<dyn Read + Send>>,
    chunks: Option<mpsc::Receiver<Chunk>>,
    current: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

impl Blocking {
    pub(super) fn new(reader: impl Read + Send + 'static) -> Self {
        Self { reader: Some(Box::new(reader)), chunks: None, current: Vec::new(), taken: 0 }
    }
}

fn read_all(mut reader: Box<dyn Read + Send>, give: &mpsc::Sender<Chunk>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = loop {
            match reader.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let chunk = match read {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                Ok(chunk)
            }
            Err(error) => Err(error),
        };
        let failed = chunk.is_err();
        // Nobody takes it when the load is over.
        if give.blocking_send(chunk).is_err() || failed {
            return;
        }
    }
}

impl AsyncRead for Blocking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(reader) = self.reader.take() {
            let (give, take) = mpsc::channel(2);
            tokio::task::spawn_blocking(move || read_all(reader, &give));
            self.chunks = Some(take);
        }
        if self.taken == self.current.len() {
            let Some(chunks) = &mut self.chunks else { return Poll::Ready(Ok(())) };
            let Some(chunk) = ready!(chunks.poll_recv(cx)) else {
                self.chunks = None;
                return Poll::Ready(Ok(()));
            };
            self.current = chunk?;
            self.taken = 0;
        }
        let length = buf.remaining().min(self.current.len() - self.taken);
        buf.put_slice(&self.current[self.taken..self.taken + length]);
        self.taken += length;
        Poll::Ready(Ok(()))
    }
}
