//! A MySQL server that can be logged in to, pinged and reset, by the script, and nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;
use crate::script::{Check, Connect, Script};

/// A running server; it ends with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// How many of the connections just accepted shall panic in the client.
    pub(crate) panics: Arc<AtomicUsize>,
}

/// Starts one, on a thread of its own: it answers whatever the trial does with its runtime.
pub(crate) fn start(script: Arc<Script>) -> Result<Server> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let panics = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&panics);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("mysql".to_owned()).spawn(move || {
        let ended: io::Result<()> = runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                let session = Session { socket, script: Arc::clone(&script) };
                // An error is a client that hung up.
                tokio::spawn(session.run(Arc::clone(&told)));
            }
        });
        eprintln!("the server ended: {ended:?}");
    })?;
    Ok(Server { address, panics })
}

const COM_QUIT: u8 = 0x01;
const COM_PING: u8 = 0x0e;
const COM_RESET_CONNECTION: u8 = 0x1f;

/// Header, no rows, no id, autocommit, no warnings.
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

/// Protocol 4.1, transactions, secure connection, plugin authentication.
const CAPABILITIES: u32 = 0x0008_a200;

struct Session {
    socket: TcpStream,
    script: Arc<Script>,
}

impl Session {
    async fn run(mut self, panics: Arc<AtomicUsize>) -> io::Result<()> {
        self.write(0, &greeting()).await?;
        let (sequence, _) = self.read().await?;
        let answer = sequence.wrapping_add(1);
        match self.script.next_connect() {
            Connect::Succeed => {}
            Connect::Panic => {
                panics.fetch_add(1, Ordering::SeqCst);
            }
            Connect::Refuse => {
                return self.write(answer, &error(1040, "08004", "Too many connections")).await;
            }
            Connect::Deny => {
                return self.write(answer, &error(1045, "28000", "Access denied for user")).await;
            }
        }
        self.script.count_opened();
        self.write(answer, OK).await?;
        loop {
            let script = Arc::clone(&self.script);
            let read = tokio::select! {
                read = self.read() => read,
                // The client's check is a look at the socket: it fails when that was closed.
                () = script.failing.notified() => match script.next_check() {
                    Check::Fail => return Ok(()),
                    _ => continue,
                },
            };
            let (sequence, payload) = read?;
            let answer = sequence.wrapping_add(1);
            match payload.first() {
                Some(&COM_PING | &COM_RESET_CONNECTION) => self.write(answer, OK).await?,
                Some(&COM_QUIT) | None => return Ok(()),
                Some(_) => self.write(answer, &error(1047, "08S01", "Unknown command")).await?,
            }
        }
    }

    async fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await?;
        let [low, middle, high, sequence] = head;
        let mut payload = vec![0; u32::from_le_bytes([low, middle, high, 0]) as usize];
        self.socket.read_exact(&mut payload).await?;
        Ok((sequence, payload))
    }

    async fn write(&mut self, sequence: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_le_bytes();
        let mut packet = vec![length[0], length[1], length[2], sequence];
        packet.extend_from_slice(payload);
        self.socket.write_all(&packet).await
    }
}

/// The first packet of a session, with a nonce that nobody checks.
fn greeting() -> Vec<u8> {
    let [low, high] = [CAPABILITIES as u16, (CAPABILITIES >> 16) as u16];
    let mut packet = vec![10];
    packet.extend_from_slice(b"8.0.11\0");
    packet.extend_from_slice(&1_u32.to_le_bytes());
    packet.extend_from_slice(b"12345678\0");
    packet.extend_from_slice(&low.to_le_bytes());
    packet.push(45);
    packet.extend_from_slice(&2_u16.to_le_bytes());
    packet.extend_from_slice(&high.to_le_bytes());
    packet.push(21);
    packet.extend_from_slice(&[0; 10]);
    packet.extend_from_slice(b"123456789012\0");
    packet.extend_from_slice(b"mysql_native_password\0");
    packet
}

fn error(code: u16, state: &str, text: &str) -> Vec<u8> {
    let mut packet = vec![0xff];
    packet.extend_from_slice(&code.to_le_bytes());
    packet.push(b'#');
    packet.extend_from_slice(state.as_bytes());
    packet.extend_from_slice(text.as_bytes());
    packet
}
