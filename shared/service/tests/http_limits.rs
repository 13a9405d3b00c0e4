//! Clients that would hold the places of an HTTP server.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::routing::get;
use service::http_server::{self, MAX_CONNECTIONS_PER_ADDRESS, WRITE_TIMEOUT};
use service::{CancellationToken, TrustedProxies};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

const LARGE: usize = 64 << 20;

async fn start() -> SocketAddr {
    start_behind(&[]).await
}

/// Starts a server that trusts proxies at these addresses.
async fn start_behind(proxies: &[&str]) -> SocketAddr {
    let trusted_proxies = proxies.iter().map(|address| address.parse().unwrap()).collect();
    let routes = Router::new()
        .route("/", get(async || "ok"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/body", axum::routing::post(async |body: String| body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let trusted = TrustedProxies { trusted_proxies };
    tokio::spawn(
        async move { http_server::serve(listener, routes, &trusted, CancellationToken::new()).await },
    );
    address
}

/// Connects from one of the addresses of the loopback network.
async fn connect_from(last: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

async fn is_served(stream: &mut TcpStream) -> bool {
    let mut first = [0; 15];
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sent.is_ok() && stream.read_exact(&mut first).await.is_ok() && &first == b"HTTP/1.1 200 OK"
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_nothing_is_disconnected() {
    let address = start().await;
    let mut stream = connect_from(1, address).await;
    let begun = Instant::now();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The clock is paused: it advances when the server waits for nothing but time.
    tokio::time::sleep(WRITE_TIMEOUT + Duration::from_secs(5)).await;
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert!(received.len() < LARGE, "{}", received.len());
    assert!(begun.elapsed() < WRITE_TIMEOUT * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_no_body_gets_a_timeout() {
    let address = start().await;
    let mut stream = connect_from(1, address).await;
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let address = start().await;
    let mut streams = Vec::new();
    loop {
        let mut stream = connect_from(2, address).await;
        if !is_served(&mut stream).await {
            break;
        }
        streams.push(stream);
        assert!(streams.len() <= MAX_CONNECTIONS_PER_ADDRESS, "it has no bound");
    }
    assert!(is_served(&mut connect_from(3, address).await).await);
    streams.pop();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !is_served(&mut connect_from(2, address).await).await {
        assert!(Instant::now() < deadline, "no place becomes free");
    }
}

#[tokio::test]
async fn trusted_proxy_may_take_more_places() {
    let address = start_behind(&["127.0.0.4"]).await;
    let mut streams = Vec::new();
    for _ in 0..MAX_CONNECTIONS_PER_ADDRESS + 10 {
        let mut stream = connect_from(4, address).await;
        assert!(is_served(&mut stream).await, "after {}", streams.len());
        streams.push(stream);
    }
}
