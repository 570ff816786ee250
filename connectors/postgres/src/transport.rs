//! The bytes' way to the server: TCP or a unix socket, plain or through TLS.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use wellspring_connector::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;
use crate::errors::{Place, during_connect};
use crate::tls::Tls;

/// An open way to a server.
#[allow(clippy::large_enum_variant, reason = "boxing the TLS stream would cost every read")]
pub(crate) enum Transport {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    /// Boxed, as it is ten times the size of the others.
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Transport {
    /// Connects to `endpoint` and, where `tls` says so, secures the connection.
    pub(crate) async fn open(
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        keepalive: Option<Duration>,
    ) -> Result<Self> {
        let place = Place(endpoint);
        match endpoint {
            #[cfg(unix)]
            Endpoint::Unix { .. } => {
                let path = endpoint.socket_path().expect("a unix endpoint has a path");
                let stream = connect_unix(&path).await;
                Ok(Self::Unix(stream.map_err(|error| during_connect(error, place))?))
            }
            #[cfg(not(unix))]
            Endpoint::Unix { .. } => Err(Error::unsupported("a unix socket on this system")),
            Endpoint::Tcp { host, port } => {
                let addresses: Vec<_> = tokio::net::lookup_host((host.as_str(), *port))
                    .await
                    .map_err(|error| {
                        Error::new(
                            ErrorKind::ConnectDns,
                            format!("the name of {place} could not be resolved: {error}"),
                        )
                        .with_source(error)
                    })?
                    .collect();
                let stream = TcpStream::connect(&*addresses).await;
                let stream = stream.map_err(|error| during_connect(error, place))?;
                // Requests are small and wait for answers.
                stream.set_nodelay(true).map_err(|error| during_connect(error, place))?;
                ask_silent_peer(&stream, keepalive)
                    .map_err(|error| during_connect(error, place))?;
                match tls {
                    None => Ok(Self::Tcp(stream)),
                    Some(tls) => Self::secure(stream, host, tls, place).await,
                }
            }
        }
    }

    async fn secure(
        mut stream: TcpStream,
        host: &str,
        tls: &Tls,
        place: Place<'_>,
    ) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::ConnectTls, what);
        // SSLRequest: its length, and a version number no protocol has.
        stream
            .write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
            .await
            .map_err(|error| during_connect(error, place))?;
        let answer = stream.read_u8().await.map_err(|error| during_connect(error, place))?;
        if answer != b'S' {
            return Err(refused(format!(
                "{place} does not offer TLS, which is wanted; `sslmode=disable` does without"
            )));
        }
        let stream = tls.connect(host, stream).await.map_err(|error| {
            let hint = tls.hint(&error);
            refused(format!("TLS with {place} failed: {error}{hint}")).with_source(error)
        })?;
        #[cfg(feature = "tls")]
        return Ok(Self::Tls(Box::new(stream)));
        #[cfg(not(feature = "tls"))]
        Ok(Self::Tcp(stream))
    }

    /// What ties authentication to the TLS session.
    pub(crate) fn binding(&self) -> Option<Vec<u8>> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let certificate = stream.get_ref().1.peer_certificates()?.first()?;
                crate::tls::server_end_point(certificate)
            }
            _ => None,
        }
    }
}

/// Has the system ask a peer that was silent for so long whether it is still there: otherwise a statement
/// waits for ever for the answer of one that was cut off.
fn ask_silent_peer(stream: &TcpStream, silence: Option<Duration>) -> io::Result<()> {
    match silence {
        None => Ok(()),
        Some(silence) => {
            SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(silence))
        }
    }
}

#[cfg(unix)]
async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

macro_rules! each {
    ($transport:expr, $stream:ident => $do:expr) => {
        match $transport {
            Transport::Tcp($stream) => $do,
            #[cfg(unix)]
            Transport::Unix($stream) => $do,
            #[cfg(feature = "tls")]
            Transport::Tls($stream) => $do,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        each!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A stream that is already as secure as it is to be, handed to tokio-postgres with what binds
/// authentication to it. TLS is set up here and not there, so that what fails has a name, and so
/// that the watcher sits above it.
pub(crate) struct Secured<S> {
    stream: S,
    binding: Option<Vec<u8>>,
}

/// "Connects" TLS by handing over what [`Transport::open`] made.
pub(crate) struct Handover {
    pub(crate) binding: Option<Vec<u8>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Handover {
    type Stream = Secured<S>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Secured<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        std::future::ready(Ok(Secured { stream, binding: self.binding }))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.binding {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.clone()),
            None => ChannelBinding::none(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream whose shutdown is over only when the other side has closed it too.
///
/// A server closes the connection of a cancel request when it has passed the signal on; before
/// that, the signal may still hit a later statement.
pub(crate) struct UntilClosed<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 64];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match std::task::ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                // Closed, politely or not: the request was dealt with.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_peer_is_asked_unless_told_otherwise() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
        for silence in [None, Some(Duration::from_secs(77))] {
            let transport = Transport::open(&endpoint, None, silence).await.unwrap();
            let Transport::Tcp(stream) = transport else { panic!("plain TCP was asked for") };
            let socket = SockRef::from(&stream);
            assert_eq!(socket.keepalive().unwrap(), silence.is_some());
            #[cfg(target_os = "linux")]
            if let Some(silence) = silence {
                assert_eq!(socket.tcp_keepalive_time().unwrap(), silence);
            }
        }
    }
}
