//! A TCP proxy between a client and a server, which delays, holds, cuts or resets what passes.
//!
//! It runs in the test's own runtime. What it does can be changed at any moment, and applies to
//! connections that are open as well as to new ones.
//!
//! ```
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//! use wellspring_testkit::proxy::{Flow, Proxy, Way};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let server = TcpListener::bind("127.0.0.1:0").await?;
//! let proxy = Proxy::start(server.local_addr()?).await?;
//! let mut client = TcpStream::connect(proxy.addr()).await?;
//! let (mut served, _) = server.accept().await?;
//!
//! proxy.set(Way::ToClient, Flow::Hold);
//! served.write_all(b"held").await?;
//! proxy.set(Way::ToClient, Flow::Delay(Duration::from_millis(5)));
//! let mut read = [0; 4];
//! client.read_exact(&mut read).await?;
//!
//! proxy.cut();
//! assert_eq!(client.read(&mut read).await?, 0); // end of file
//! assert_eq!((proxy.connections(), proxy.bytes(Way::ToClient)), (1, 4));
//! # Ok(())
//! # }
//! ```

mod link;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::servers::port;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What happens to bytes that go one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// They pass. The default.
    Pass,
    /// They pass this long after they came. Bandwidth is not limited.
    Delay(Duration),
    /// A black hole: nothing passes, not even the end of a connection, and connections stay open.
    /// What came in the meantime passes when this ends, as after an outage of a network.
    Hold,
}

/// What happens to a client that connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It is connected to the server. The default.
    Open,
    /// Nobody listens: its connection is refused.
    Closed,
    /// Its connection is accepted and reset.
    Reset,
}

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In good order, as if the other side had closed: whoever reads sees the end of file.
    Cut,
    /// By a reset: whoever reads or writes sees an error.
    Reset,
}

/// A proxy on a port of 127.0.0.1. Dropped, it cuts its connections and closes the port.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    doors: mpsc::UnboundedSender<(Door, oneshot::Sender<io::Result<()>>)>,
}

impl Proxy {
    /// Starts a proxy for the server at `target`, in the current runtime. The server need not be
    /// there yet; a client that comes meanwhile is reset.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = listen().await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(target));
        let (doors, asked) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, addr, Arc::clone(&shared), asked));
        Ok(Self { addr, shared, doors })
    }

    /// Where clients connect to. It stays the same.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends clients that connect from now on to another server.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
    }

    /// Changes what happens to bytes that go one way.
    pub fn set(&self, way: Way, flow: Flow) {
        self.shared.flows[way as usize].send_replace(flow);
    }

    /// Changes what happens to bytes both ways.
    pub fn set_both(&self, flow: Flow) {
        self.set(Way::ToServer, flow);
        self.set(Way::ToClient, flow);
    }

    /// Changes what happens to clients that connect. It is so when this returns.
    ///
    /// # Errors
    ///
    /// When the port cannot be listened on again, because another process took it meanwhile.
    pub async fn set_door(&self, door: Door) -> io::Result<()> {
        let (reply, done) = oneshot::channel();
        let gone = || io::Error::other("the runtime of the proxy has ended");
        self.doors.send((door, reply)).map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    /// Cuts every open connection. New ones are not touched.
    pub fn cut(&self) {
        self.shared.end(End::Cut);
    }

    /// Resets every open connection. New ones are not touched.
    pub fn reset(&self) {
        self.shared.end(End::Reset);
    }

    /// Ends every open connection after `bytes` more bytes have passed one way, over all
    /// connections; not one byte more passes that way on them. It happens once, and replaces what
    /// was asked for this way before. A reset overtakes bytes that the receiver has not read yet.
    pub fn end_after(&self, way: Way, bytes: u64, end: End) {
        if bytes == 0 {
            lock(&self.shared.limits)[way as usize] = None;
            self.shared.end(end);
        } else {
            lock(&self.shared.limits)[way as usize] = Some((bytes, end));
        }
    }

    /// How many clients have connected so far, those that were reset at the door included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many bytes have passed one way so far.
    #[must_use]
    pub fn bytes(&self, way: Way) -> u64 {
        self.shared.bytes[way as usize].load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.end(End::Cut);
    }
}

/// What the proxy and its connections share.
#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    flows: [watch::Sender<Flow>; 2],
    /// How all connections that are open when it changes end.
    ends: watch::Sender<Option<End>>,
    /// After how many more bytes each way all connections end, and how.
    limits: Mutex<[Option<(u64, End)>; 2]>,
    accepted: AtomicU64,
    open: AtomicU64,
    bytes: [AtomicU64; 2],
}

impl Shared {
    fn new(target: SocketAddr) -> Self {
        Self {
            target: Mutex::new(target),
            flows: [watch::Sender::new(Flow::Pass), watch::Sender::new(Flow::Pass)],
            ends: watch::Sender::new(None),
            limits: Mutex::default(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            bytes: Default::default(),
        }
    }

    fn end(&self, end: End) {
        self.ends.send_replace(Some(end));
    }

    /// How many of `wanted` bytes may pass one way, and how all connections end after them.
    fn grant(&self, way: Way, wanted: usize) -> (usize, Option<End>) {
        let limit = &mut lock(&self.limits)[way as usize];
        let Some((left, end)) = *limit else { return (wanted, None) };
        match usize::try_from(left) {
            Ok(left) if left <= wanted => {
                *limit = None;
                (left, Some(end))
            }
            _ => {
                *limit = Some((left - wanted as u64, end));
                (wanted, None)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen() -> io::Result<TcpListener> {
    const TRIES: usize = 5;
    for _ in 1..TRIES {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port::free()?)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, port::free()?)).await
}

/// Accepts clients until the proxy is dropped.
async fn serve(
    listener: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
    mut asked: mpsc::UnboundedReceiver<(Door, oneshot::Sender<io::Result<()>>)>,
) {
    let mut listener = Some(listener);
    let mut door = Door::Open;
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            order = asked.recv() => {
                let Some((wanted, reply)) = order else { return };
                let changed = match (wanted, &listener) {
                    (Door::Closed, _) => {
                        listener = None;
                        Ok(())
                    }
                    (_, Some(_)) => Ok(()),
                    (_, None) => TcpListener::bind(addr).await.map(|bound| listener = Some(bound)),
                };
                if changed.is_ok() {
                    door = wanted;
                }
                // Nobody listens to the answer when the asking future was dropped.
                drop(reply.send(changed));
            }
            client = accepted => match client {
                Ok((client, _)) => {
                    shared.accepted.fetch_add(1, Ordering::SeqCst);
                    if door == Door::Reset {
                        link::reset(client);
                    } else {
                        connect(client, &shared);
                    }
                }
                // A client that has gone again, or no more file descriptors: others may follow.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

/// Joins a client to the server in a task of its own.
fn connect(client: TcpStream, shared: &Arc<Shared>) {
    let target = *lock(&shared.target);
    let opened = Opened::new(shared);
    // Subscribed before the client can know that it is connected.
    let ends = shared.ends.subscribe();
    tokio::spawn(async move {
        match TcpStream::connect(target).await {
            Ok(server) => link::run(client, server, &opened.0, ends).await,
            Err(_) => link::reset(client),
        }
    });
}

/// Counts an open connection.
struct Opened(Arc<Shared>);

impl Opened {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_exactly_and_once() {
        let shared = Shared::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        lock(&shared.limits)[Way::ToServer as usize] = Some((10, End::Reset));
        assert_eq!(shared.grant(Way::ToClient, 99), (99, None));
        assert_eq!(shared.grant(Way::ToServer, 4), (4, None));
        assert_eq!(shared.grant(Way::ToServer, 9), (6, Some(End::Reset)));
        assert_eq!(shared.grant(Way::ToServer, 9), (9, None));
    }
}
