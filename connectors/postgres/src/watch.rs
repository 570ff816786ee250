//! Watches the bytes between client and server for what tokio-postgres does not tell: whether the
//! server is done with everything that was asked, and whether a transaction is open.
//!
//! The watcher reads the headers of messages in both directions. Every request that the server
//! answers with `ReadyForQuery` is counted when it is written and uncounted when the answer is
//! read; the answer carries the state of the transaction. It sits above TLS, below the codec, in
//! the task that drives the connection; others see its summary through [`Watched`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is known about a session without asking the server.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Requests written and not yet answered.
    pending: AtomicUsize,
    /// The state byte of the last `ReadyForQuery`: `I`, `T`, `E`; 0 before the first.
    status: AtomicU8,
    /// The stream has ended.
    ended: AtomicBool,
    waker: AtomicWaker,
}

/// The state of the transaction after the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    None,
    Open,
    Failed,
}

impl Watched {
    /// True when the server has answered everything that was written.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// The state of the transaction, right when [`is_settled`](Self::is_settled).
    pub(crate) fn block(&self) -> Block {
        match self.status.load(Ordering::Acquire) {
            b'T' => Block::Open,
            b'E' => Block::Failed,
            _ => Block::None,
        }
    }

    /// Waits until everything written is answered; false when the stream ended first. One waiter
    /// at a time: the connection's owner.
    pub(crate) async fn settled(&self) -> bool {
        poll_fn(|cx| self.poll_settled(cx)).await
    }

    /// As [`settled`](Self::settled).
    pub(crate) fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<bool> {
        self.waker.register(cx.waker());
        if self.is_settled() {
            Poll::Ready(true)
        } else if self.ended.load(Ordering::Acquire) {
            Poll::Ready(false)
        } else {
            Poll::Pending
        }
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A stream whose messages are watched.
pub(crate) struct Watch<S> {
    stream: S,
    watched: Arc<Watched>,
    outgoing: Scanner,
    incoming: Scanner,
    requests: Requests,
}

impl<S> Watch<S> {
    pub(crate) fn new(stream: S) -> (Self, Arc<Watched>) {
        let watched = Arc::new(Watched::default());
        let watch = Self {
            stream,
            watched: Arc::clone(&watched),
            outgoing: Scanner::new(State::Startup),
            incoming: Scanner::new(State::Header),
            requests: Requests::default(),
        };
        (watch, watched)
    }
}

/// The requests that were written and not answered, oldest first.
#[derive(Default)]
struct Requests(VecDeque<u8>);

impl Requests {
    fn written(&mut self, tag: u8, watched: &Watched) {
        // 0 is the startup message.
        if matches!(tag, 0 | b'Q' | b'S') {
            self.0.push_back(tag);
            watched.pending.fetch_add(1, Ordering::Release);
        }
    }

    fn read(&mut self, tag: u8, first: u8, watched: &Watched) {
        match tag {
            b'Z' => {
                watched.status.store(first, Ordering::Release);
                self.answered(watched);
            }
            // The server ignores the sync that was sent with a `COPY … FROM STDIN`.
            b'G' if self.0.front() == Some(&b'S') => self.answered(watched),
            _ => {}
        }
    }

    fn answered(&mut self, watched: &Watched) {
        if self.0.pop_front().is_some() {
            watched.pending.fetch_sub(1, Ordering::Release);
            watched.waker.wake();
        }
    }
}

/// Finds the messages in a stream of bytes that comes in pieces of any size.
struct Scanner {
    state: State,
    /// The bytes of a header that was cut.
    header: [u8; 5],
    filled: usize,
}

#[derive(Clone, Copy)]
enum State {
    /// Before the first message, which has a length and no tag.
    Startup,
    /// In a header.
    Header,
    /// In a body of which so many bytes are left; the first byte is yet to be reported for `tag`.
    Body { tag: u8, left: usize, first: bool },
}

impl Scanner {
    fn new(state: State) -> Self {
        Self { state, header: [0; 5], filled: 0 }
    }

    /// Calls `found` with the tag and the first byte of the body of each message in `bytes`: at
    /// the first byte of its body, or at the end of its header when it has none.
    fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(u8, u8)) {
        while !bytes.is_empty() {
            match self.state {
                State::Startup | State::Header => {
                    let startup = matches!(self.state, State::Startup);
                    let wanted = if startup { 4 } else { 5 };
                    let taken = (wanted - self.filled).min(bytes.len());
                    self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
                    self.filled += taken;
                    bytes = &bytes[taken..];
                    if self.filled < wanted {
                        return;
                    }
                    self.filled = 0;
                    let (tag, length) = if startup {
                        (0, &self.header[..4])
                    } else {
                        (self.header[0], &self.header[1..])
                    };
                    let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
                    let left = (length as usize).saturating_sub(4);
                    if left == 0 {
                        found(tag, 0);
                        self.state = State::Header;
                    } else {
                        self.state = State::Body { tag, left, first: true };
                    }
                }
                State::Body { tag, left, first } => {
                    if first {
                        found(tag, bytes[0]);
                    }
                    let skipped = left.min(bytes.len());
                    bytes = &bytes[skipped..];
                    self.state = match left - skipped {
                        0 => State::Header,
                        left => State::Body { tag, left, first: false },
                    };
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watch<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
        let new = &buf.filled()[before..];
        let (requests, watched) = (&mut this.requests, &this.watched);
        this.incoming.scan(new, |tag, first| requests.read(tag, first, watched));
        if result.is_err() || new.is_empty() {
            watched.end();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watch<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        let (requests, watched) = (&mut this.requests, &this.watched);
        this.outgoing.scan(&buf[..written], |tag, _| requests.written(tag, watched));
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bufs))?;
        let (requests, watched) = (&mut this.requests, &this.watched);
        let mut left = written;
        for buf in bufs {
            let taken = left.min(buf.len());
            this.outgoing.scan(&buf[..taken], |tag, _| requests.written(tag, watched));
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S> Drop for Watch<S> {
    fn drop(&mut self) {
        self.watched.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend((u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn startup() -> Vec<u8> {
        let mut bytes = 12_u32.to_be_bytes().to_vec();
        bytes.extend([0, 3, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    /// A watch over a script of both directions, each cut into pieces of `piece` bytes.
    fn run(piece: usize, script: &[(char, Vec<u8>)]) -> Vec<(usize, Block)> {
        let (mut watch, watched) = Watch::new(());
        let mut seen = Vec::new();
        for (direction, bytes) in script {
            for part in bytes.chunks(piece) {
                let requests = &mut watch.requests;
                match direction {
                    '>' => watch.outgoing.scan(part, |tag, _| requests.written(tag, &watched)),
                    _ => watch.incoming.scan(part, |tag, b| requests.read(tag, b, &watched)),
                }
            }
            seen.push((watched.pending.load(Ordering::Relaxed), watched.block()));
        }
        seen
    }

    #[test]
    fn answers_are_matched_with_requests_however_they_are_cut() {
        let fake = message(b'Z', b"I");
        let script = [
            ('>', startup()),
            ('<', [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()),
            ('>', [message(b'B', b"x"), message(b'E', b""), message(b'S', b"")].concat()),
            // Data that looks like an answer is data.
            ('<', message(b'D', &fake)),
            ('<', [message(b'C', b"SELECT 1\0"), message(b'Z', b"T")].concat()),
            ('>', [message(b'Q', b"x\0"), message(b'Q', b"y\0")].concat()),
            ('<', [message(b'E', b"SERROR\0\0"), message(b'Z', b"E")].concat()),
            ('<', message(b'Z', b"I")),
        ];
        let expected = [
            (1, Block::None),
            (0, Block::None),
            (1, Block::None),
            (1, Block::None),
            (0, Block::Open),
            (2, Block::Open),
            (1, Block::Failed),
            (0, Block::None),
        ];
        for piece in [1, 2, 3, 5, 7, 1_000] {
            assert_eq!(run(piece, &script), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_copy_in_answers_its_first_sync_by_itself() {
        let copy = [message(b'B', b"x"), message(b'E', b""), message(b'S', b"")].concat();
        let script = [
            ('>', startup()),
            ('<', message(b'Z', b"I")),
            ('>', copy),
            ('<', [message(b'2', b""), message(b'G', &[1, 0, 0])].concat()),
            ('>', [message(b'd', b"data"), message(b'c', b""), message(b'S', b"")].concat()),
            ('<', [message(b'C', b"COPY 1\0"), message(b'Z', b"I")].concat()),
        ];
        let pending: Vec<usize> = run(1_000, &script).into_iter().map(|(n, _)| n).collect();
        assert_eq!(pending, [1, 0, 1, 0, 1, 0]);
    }
}
