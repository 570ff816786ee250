//! One connection of the proxy: two streams, and what passes between them.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::{End, Flow, Shared, Way};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// How much may wait to be passed on; beyond it, nothing more is read.
const WAITING: usize = 4 * 1024 * 1024;
/// How long a connection that was cut still takes what its client sends, so that the client reads
/// an end of file and not a reset.
const LINGER: Duration = Duration::from_secs(1);

/// Passes bytes between the two until both have ended, one fails, or all connections are to end.
pub(super) async fn run(
    mut client: TcpStream,
    mut server: TcpStream,
    shared: &Shared,
    mut ends: watch::Receiver<Option<End>>,
) {
    // Small messages must not wait for one another. A stream that has ended says so later.
    drop(client.set_nodelay(true).and_then(|()| server.set_nodelay(true)));
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                pass(from_client, to_server, shared, Way::ToServer),
                pass(from_server, to_client, shared, Way::ToClient),
            )
        };
        tokio::select! {
            biased;
            changed = ends.changed() => match changed {
                Ok(()) => (*ends.borrow()).unwrap_or(End::Cut),
                Err(_) => End::Cut,
            },
            passed = both => match passed {
                Ok(_) => return,
                // One side was reset: so is the other.
                Err(_) => End::Reset,
            },
        }
    };
    match end {
        End::Reset => {
            reset(client);
            reset(server);
        }
        End::Cut => {
            tokio::join!(cut(client), cut(server));
        }
    }
}

/// Closes a stream by a reset.
pub(super) fn reset(stream: TcpStream) {
    // Where it cannot be set the stream has ended already.
    drop(stream.set_zero_linger());
}

/// Closes a stream in good order. Bytes that were not read would turn the close into a reset.
async fn cut(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut unread = vec![0; CHUNK];
    let drain = async { while matches!(stream.read(&mut unread).await, Ok(1..)) {} };
    // After that time the client has had its end of file.
    drop(timeout(LINGER, drain).await);
}

/// What waits to be passed on.
enum Piece {
    Bytes(Vec<u8>),
    Eof,
}

/// Passes bytes one way until they end.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    way: Way,
) -> io::Result<()> {
    let mut flow = shared.flows[way as usize].subscribe();
    let mut waiting: VecDeque<(Instant, Piece)> = VecDeque::new();
    let mut size = 0;
    let mut ended = false;
    let mut buffer = vec![0; CHUNK];
    loop {
        let next = due(*flow.borrow_and_update(), waiting.front().map(|(came, _)| *came));
        tokio::select! {
            biased;
            // A sender that has gone has told all connections to end.
            changed = flow.changed() => if changed.is_err() { pending::<()>().await },
            () = next => {
                let (_, piece) = waiting.pop_front().expect("only what waits is due");
                let Piece::Bytes(bytes) = piece else {
                    return to.shutdown().await;
                };
                size -= bytes.len();
                let (granted, end) = shared.grant(way, bytes.len());
                to.write_all(&bytes[..granted]).await?;
                shared.bytes[way as usize].fetch_add(granted as u64, Ordering::SeqCst);
                if let Some(end) = end {
                    shared.end(end);
                    return pending().await;
                }
            }
            read = from.read(&mut buffer), if !ended && size < WAITING => {
                let piece = match read? {
                    0 => {
                        ended = true;
                        Piece::Eof
                    }
                    length => {
                        size += length;
                        Piece::Bytes(buffer[..length].to_vec())
                    }
                };
                waiting.push_back((Instant::now(), piece));
            }
        }
    }
}

/// Returns when a piece that came at `came` may pass.
async fn due(flow: Flow, came: Option<Instant>) {
    match (flow, came) {
        (_, None) | (Flow::Hold, _) => pending().await,
        (Flow::Pass, Some(_)) => {}
        (Flow::Delay(time), Some(came)) => sleep_until(came + time).await,
    }
}
