//! The admin routes over a real socket.
#![allow(clippy::unwrap_used, missing_docs)]

use service::{CancellationToken, Health, admin};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

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
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_living_process_says_ok() {
    let admin = start().await;
    let answer = get(admin.address, "/livez").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
}

#[tokio::test]
async fn readiness_names_every_unmet_condition() {
    let admin = start().await;
    admin.health.set_unready("bus", "refused");
    admin.health.set_ready("directory");
    let answer = get(admin.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.ends_with(r#"{"ready":false,"unmet":{"bus":"refused"}}"#), "{answer}");
    admin.health.set_ready("bus");
    let answer = get(admin.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"ready":true}"#), "{answer}");
}

#[tokio::test]
async fn numbers_are_text_for_prometheus() {
    service::metrics::install();
    metrics::counter!("switchboard_admin_test_total").increment(1);
    let admin = start().await;
    let answer = get(admin.address, "/metrics").await;
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("switchboard_admin_test_total 1"), "{answer}");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let admin = start().await;
    let mut stream = TcpStream::connect(admin.address).await.unwrap();
    let start = b"GET /livez HTTP/1.1\r\nX: ";
    stream.write_all(start).await.unwrap();
    stream.write_all(&vec![b'x'; service::http_server::MAX_HEAD - start.len()]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn shutdown_ends_it_with_an_idle_connection_open() {
    let admin = start().await;
    let mut idle = TcpStream::connect(admin.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    admin.shutdown.cancel();
    admin.served.await.unwrap();
}
