//! The admin routes over a real socket.
#![allow(clippy::unwrap_used)]

use service::{CancellationToken, Health, admin};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

struct Admin {
    address: SocketAddr,
    health: Health,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

async fn start() -> Admin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, health, shutdown) =
        (listener.local_addr().unwrap(), Health::default(), CancellationToken::new());
    let served = tokio::spawn(admin::serve(listener, health.clone(), shutdown.clone()));
    Admin { address, health, shutdown, served }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn livez_returns_ok() {
    let admin = start().await;
    let response = get(admin.address, "/livez").await;
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("ok"), "{response}");
}

#[tokio::test]
async fn readyz_names_every_unmet_condition() {
    let admin = start().await;
    admin.health.set_unready("bus", "refused");
    admin.health.set_ready("directory");
    let response = get(admin.address, "/readyz").await;
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    assert!(response.ends_with(r#"{"ready":false,"unmet":{"bus":"refused"}}"#), "{response}");
    admin.health.set_ready("bus");
    let ready = get(admin.address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with(r#"{"ready":true}"#), "{ready}");
}

#[tokio::test]
async fn metrics_have_the_format_of_prometheus() {
    service::metrics::install();
    metrics::counter!("switchboard_admin_test_total").increment(1);
    let admin = start().await;
    let response = get(admin.address, "/metrics").await;
    assert!(response.contains("text/plain; version=0.0.4"), "{response}");
    assert!(response.contains("switchboard_admin_test_total 1"), "{response}");
}

#[tokio::test]
async fn a_request_head_that_is_too_large_is_refused() {
    let admin = start().await;
    let mut stream = TcpStream::connect(admin.address).await.unwrap();
    let start = b"GET /livez HTTP/1.1\r\nX: ";
    stream.write_all(start).await.unwrap();
    stream.write_all(&vec![b'x'; service::http_server::MAX_HEAD - start.len()]).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 431"), "{response}");
}

/// Sends `bytes` and keeps its side open; returns the response, which ends at once.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = String::new();
    let read = stream.read_to_string(&mut response);
    timeout(Duration::from_secs(1), read).await.expect("the connection ends at once").unwrap();
    response
}

#[tokio::test]
async fn other_protocols_are_refused_at_once() {
    let admin = start().await;
    for (bytes, status, cause) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "400 Bad Request", "speaks TLS"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported", "speaks HTTP/2"),
        (
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n",
            "400 Bad Request",
            "PROXY protocol",
        ),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c", "400 Bad Request", "PROXY protocol"),
        (b"\0\x01", "400 Bad Request", "not an HTTP request"),
    ] {
        let response = exchange(admin.address, bytes).await;
        let start = format!("HTTP/1.1 {status}\r\n");
        assert!(response.starts_with(&start) && response.contains(cause), "{bytes:?}: {response}");
    }
}

#[tokio::test]
async fn headers_that_proxies_add_are_accepted() {
    let admin = start().await;
    let request = |count: usize| {
        format!("GET /livez HTTP/1.1\r\nConnection: close\r\n{}\r\n", "X: y\r\n".repeat(count - 1))
    };
    let accepted = exchange(admin.address, request(service::http_server::MAX_HEADERS).as_bytes()).await;
    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    let refused = exchange(admin.address, request(service::http_server::MAX_HEADERS + 1).as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
}

#[tokio::test]
async fn shutdown_closes_idle_connections() {
    let admin = start().await;
    let mut idle = TcpStream::connect(admin.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    let _silent = TcpStream::connect(admin.address).await.unwrap();
    admin.shutdown.cancel();
    admin.served.await.unwrap();
}
