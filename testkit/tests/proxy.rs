//! The TCP proxy: what passes, what does not, and how connections end.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wellspring_testkit::proxy::{Door, End, Flow, Proxy, Way};

/// A server that sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    addr
}

/// A proxy before an echo, and a client of it.
async fn setup() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let client = TcpStream::connect(proxy.addr()).await.unwrap();
    (proxy, client)
}

async fn say(client: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    client.write_all(text).await?;
    hear(client, text.len()).await
}

async fn hear(client: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut heard = vec![0; length];
    client.read_exact(&mut heard).await?;
    Ok(heard)
}

/// True when nothing comes for a while.
async fn silent(client: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(100), client.read(&mut [0])).await.is_err()
}

async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn bytes_pass_and_are_counted() {
    let (proxy, mut client) = setup().await;
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    let large = vec![7; 10_000_000];
    let (mut read, mut write) = client.split();
    let mut back = vec![0; large.len()];
    let (wrote, heard) = tokio::join!(write.write_all(&large), read.read_exact(&mut back));
    wrote.unwrap();
    heard.unwrap();
    assert_eq!(back, large);
    assert_eq!(proxy.bytes(Way::ToServer), 10_000_005);
    until(|| proxy.bytes(Way::ToClient) == 10_000_005).await;
    assert_eq!((proxy.connections(), proxy.open_connections()), (1, 1));
    drop(client);
    until(|| proxy.open_connections() == 0).await;
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn the_end_of_one_way_leaves_the_other_open() {
    let (_proxy, mut client) = setup().await;
    client.write_all(b"last words").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"last words");
}

#[tokio::test]
async fn a_delay_is_kept_each_way() {
    let (proxy, mut client) = setup().await;
    let delay = Duration::from_millis(40);
    proxy.set_both(Flow::Delay(delay));
    let start = Instant::now();
    assert_eq!(say(&mut client, b"slow").await.unwrap(), b"slow");
    assert!(start.elapsed() >= delay * 2);
}

#[tokio::test]
async fn a_delay_that_is_taken_back_no_longer_holds_anything() {
    let (proxy, mut client) = setup().await;
    proxy.set(Way::ToServer, Flow::Delay(Duration::from_secs(3600)));
    client.write_all(b"late").await.unwrap();
    assert!(silent(&mut client).await);
    proxy.set(Way::ToServer, Flow::Pass);
    assert_eq!(hear(&mut client, 4).await.unwrap(), b"late");
}

#[tokio::test]
async fn a_black_hole_keeps_connections_open_and_gives_back_what_it_held() {
    for way in [Way::ToServer, Way::ToClient] {
        let (proxy, mut client) = setup().await;
        proxy.set(way, Flow::Hold);
        client.write_all(b"are you there").await.unwrap();
        assert!(silent(&mut client).await);
        let mut newcomer = TcpStream::connect(proxy.addr()).await.unwrap();
        newcomer.write_all(b"and you").await.unwrap();
        assert!(silent(&mut newcomer).await);
        assert_eq!(proxy.bytes(way), 0);
        proxy.set(way, Flow::Pass);
        assert_eq!(hear(&mut client, 13).await.unwrap(), b"are you there");
        assert_eq!(hear(&mut newcomer, 7).await.unwrap(), b"and you");
    }
}

#[tokio::test]
async fn a_cut_is_an_end_of_file_even_with_bytes_on_their_way() {
    let (proxy, mut client) = setup().await;
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    proxy.set_both(Flow::Hold);
    client.write_all(&vec![1; 1 << 20]).await.unwrap();
    proxy.cut();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    proxy.set_both(Flow::Pass);
    let mut next = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut next, b"again").await.unwrap(), b"again");
}

#[tokio::test]
async fn a_reset_is_an_error() {
    let (proxy, mut client) = setup().await;
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    proxy.reset();
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn both_sides_see_the_end() {
    for (end, kind) in [(End::Cut, None), (End::Reset, Some(io::ErrorKind::ConnectionReset))] {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
        let (mut served, _) = server.accept().await.unwrap();
        served.write_all(b"x").await.unwrap();
        hear(&mut client, 1).await.unwrap();
        proxy.end_after(Way::ToClient, 0, end);
        for side in [&mut client, &mut served] {
            assert_eq!(side.read(&mut [0; 8]).await.map_err(|e| e.kind()), kind.map_or(Ok(0), Err));
        }
    }
}

#[tokio::test]
async fn connections_end_after_exactly_so_many_bytes_and_once() {
    let (proxy, mut client) = setup().await;
    let mut other = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut other, b"hello").await.unwrap(), b"hello");
    proxy.end_after(Way::ToClient, 7, End::Cut);
    assert_eq!(say(&mut other, b"four").await.unwrap(), b"four");
    client.write_all(b"seven bytes").await.unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"sev");
    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0, "all connections end");
    assert_eq!(proxy.bytes(Way::ToClient), 5 + 7);
    let mut next = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut next, b"more than seven").await.unwrap(), b"more than seven");
}

#[tokio::test]
async fn a_closed_door_refuses_and_opens_again_on_the_same_port() {
    let (proxy, mut client) = setup().await;
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    proxy.set_door(Door::Closed).await.unwrap();
    let error = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(say(&mut client, b"still").await.unwrap(), b"still", "open connections stay");
    proxy.set_door(Door::Open).await.unwrap();
    let mut next = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut next, b"hello").await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_door_can_reset_those_who_come() {
    let (proxy, _client) = setup().await;
    proxy.set_door(Door::Reset).await.unwrap();
    // The reset may come before the client is told that it is connected.
    let result = match TcpStream::connect(proxy.addr()).await {
        Ok(mut client) => client.read(&mut [0; 8]).await.map(drop),
        Err(error) => Err(error),
    };
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn without_a_server_clients_are_reset_until_there_is_one() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let proxy = Proxy::start(nobody).await.unwrap();
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    proxy.set_target(echo().await);
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_reset_of_the_server_reaches_the_client() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    let (served, _) = server.accept().await.unwrap();
    served.set_zero_linger().unwrap();
    drop(served);
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_proxy_ends_its_connections_and_frees_its_port() {
    let (proxy, mut client) = setup().await;
    assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    let addr = proxy.addr();
    drop(proxy);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    while TcpStream::connect(addr).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
