//! A running rest service and an HTTP client.

use bus::Bus;
use common::ServiceId;
use directory::Directory;
use rest::Options;
use serde_json::Value;
use service::{CancellationToken, Context, Health, ShutdownPolicy};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Rest {
    pub context: Context,
    pub address: SocketAddr,
    pub ended: JoinHandle<Result<(), rest::Error>>,
}

#[derive(Debug)]
pub struct JsonResponse {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

pub async fn start() -> Rest {
    start_with(Options::default()).await
}

pub async fn start_with(options: Options) -> Rest {
    start_in(context(), options).await
}

pub async fn start_on(bus: Bus) -> Rest {
    start_in(Context { bus, ..context() }, Options::default()).await
}

async fn start_in(context: Context, options: Options) -> Rest {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ended = tokio::spawn(rest::run(options, listener, context.clone()));
    Rest { context, address, ended }
}

pub fn context() -> Context {
    Context {
        id: ServiceId::fresh("rest"),
        bus: Bus::memory(),
        directory: Directory::memory(),
        health: Health::default(),
        shutdown: CancellationToken::new(),
        shutdown_policy: ShutdownPolicy { timeout: Duration::from_secs(5), hand_over: true },
    }
}

impl Rest {
    pub async fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        while !is_first_event(&response) && stream.read_buf(&mut response).await.unwrap() > 0 {}
        String::from_utf8(response).unwrap()
    }

    pub async fn get(&self, path: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }

    /// Sends a request for JSON, with one more header or none (`""`).
    pub async fn json(&self, method: &str, path: &str, header: &str) -> JsonResponse {
        let end = if header.is_empty() { "\r\n" } else { "\r\n\r\n" };
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}{end}");
        let response = self.exchange(&request).await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        JsonResponse { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap() }
    }
}

/// Whether this is a stream of events up to its first event.
fn is_first_event(response: &[u8]) -> bool {
    let response = String::from_utf8_lossy(response);
    let events = response.split_once("\r\n\r\n").filter(|(head, _)| head.contains("text/event-stream"));
    events.is_some_and(|(_, events)| events.contains("\n\n"))
}
