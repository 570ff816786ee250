//! Just enough of two wire protocols to know that a server serves.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long one attempt may wait for each of its steps.
const STEP: Duration = Duration::from_secs(2);

/// True when a PostgreSQL at this port of 127.0.0.1 lets `user` into `database` and is ready for
/// a query.
pub(super) fn postgres_serves(port: u16, user: &str, database: &str) -> bool {
    postgres_login(port, user, database).is_ok_and(|welcome| welcome)
}

fn postgres_login(port: u16, user: &str, database: &str) -> io::Result<bool> {
    let mut stream = connect(port)?;
    stream.write_all(&startup(user, database))?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length.saturating_sub(4).min(1 << 16) as usize];
        stream.read_exact(&mut body)?;
        match head[0] {
            b'Z' => {
                stream.write_all(&[b'X', 0, 0, 0, 4])?;
                return Ok(true);
            }
            b'E' => return Ok(false),
            _ => {}
        }
    }
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0, 3, 0, 0];
    for text in ["user", user, "database", database] {
        message.extend(text.as_bytes());
        message.push(0);
    }
    message.push(0);
    let length = u32::try_from(message.len()).expect("a name is short").to_be_bytes();
    message[..4].copy_from_slice(&length);
    message
}

/// True when a MySQL or MariaDB at this port of 127.0.0.1 greets a client.
pub(super) fn mysql_greets(port: u16) -> bool {
    let greeting = || -> io::Result<u8> {
        let mut head = [0; 5];
        connect(port)?.read_exact(&mut head)?;
        Ok(head[4])
    };
    // Version 10 of the protocol; an error instead of a greeting would begin with 255.
    greeting().is_ok_and(|version| version == 10)
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&addr, STEP)?;
    stream.set_read_timeout(Some(STEP))?;
    stream.set_write_timeout(Some(STEP))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers one client with `answer` and gives back what it said first.
    fn server(answer: &'static [u8]) -> (u16, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said);
            said
        });
        (port, thread)
    }

    #[test]
    fn a_postgres_serves_when_it_is_ready_for_a_query() {
        let (port, thread) = server(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
        assert!(postgres_serves(port, "postgres", "shop"));
        let said = thread.join().unwrap();
        assert_eq!(said, b"\0\0\0\x25\0\x03\0\0user\0postgres\0database\0shop\0\0X\0\0\0\x04");
    }

    #[test]
    fn a_postgres_that_refuses_does_not_serve() {
        let (port, thread) = server(b"E\0\0\0\x05\0");
        assert!(!postgres_serves(port, "postgres", "shop"));
        thread.join().unwrap();
        assert!(!postgres_serves(super::super::port::free().unwrap(), "postgres", "shop"));
    }

    #[test]
    fn a_mysql_greets_with_its_version() {
        for (answer, greets) in
            [(&b"\x05\0\0\0\x0a9.7"[..], true), (&b"\x05\0\0\0\xff\x10\x04#0"[..], false)]
        {
            let (port, _) = server(answer);
            assert_eq!(mysql_greets(port), greets);
        }
    }
}
