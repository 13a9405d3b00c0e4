//! `/cluster/events`: its events, and the limits of its subscribers.

use super::{is_refused, send};
use crate::harness::{Rest, start};
use common::ServiceId;
use directory::listing::Service;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const PATH: &str = "/cluster/events";
const TIMEOUT: Duration = Duration::from_secs(20);

struct Subscriber(BufReader<TcpStream>);

impl Subscriber {
    async fn connect(rest: &Rest) -> Self {
        let mut stream = TcpStream::connect(rest.address).await.unwrap();
        stream
            .write_all(format!("GET /api/v1{PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
            .await
            .unwrap();
        Self(BufReader::new(stream))
    }

    /// The data of the next event.
    async fn next(&mut self) -> serde_json::Value {
        loop {
            let mut line = String::new();
            let read = timeout(TIMEOUT, self.0.read_line(&mut line)).await.expect("no event arrives");
            assert!(read.unwrap() > 0, "the connection was closed");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn view_is_sent_once_a_second() {
    let rest = start().await;
    assert!(send(&rest, "GET", PATH, "").await.body["streams"].is_array());
    let mut subscriber = Subscriber::connect(&rest).await;
    let mut at = [0; 3];
    for time in &mut at {
        *time = subscriber.next().await["at"].as_u64().unwrap();
    }
    assert!(at.windows(2).all(|two| (700..5_000).contains(&(two[1] - two[0]))), "{at:?}");
}

#[tokio::test]
async fn subscribers_of_an_address_are_limited_to_32() {
    let rest = start().await;
    let mut subscribers = Vec::new();
    for _ in 0..32 {
        let mut subscriber = Subscriber::connect(&rest).await;
        subscriber.next().await;
        subscribers.push(subscriber);
    }
    let detail = is_refused(&rest, "GET", PATH, "", 503).await;
    assert!(detail.contains("32 subscribers of this address"), "{detail}");
    drop(subscribers.pop());
    let dropped = Instant::now();
    while send(&rest, "GET", PATH, "").await.status != 200 {
        assert!(dropped.elapsed() < TIMEOUT, "its permit was not released");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn subscriber_that_does_not_read_is_disconnected() {
    let rest = start().await;
    // Larger than the buffers of a connection.
    let host = "h".repeat(16 << 20);
    let (id, kind, version) = (ServiceId::from("edge-1"), "edge".to_owned(), "1".to_owned());
    let service = Service {
        id,
        kind,
        version,
        host,
        since: 0,
        announced: 0,
        load: Default::default(),
        state: Default::default(),
        complaint: None,
        clock_skew_ms: None,
    };
    rest.context.directory.announce_service(&service, Duration::from_secs(60)).await.unwrap();
    let subscriber = Subscriber::connect(&rest).await;
    sleep(Duration::from_secs(9)).await;
    let mut all = Vec::new();
    let mut stream = subscriber.0.into_inner();
    // The buffers hold less than the first event.
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut all)).await.expect("it is still connected");
    assert!(all.len() < 16 << 20, "{} bytes", all.len());
}

#[tokio::test]
async fn subscriber_does_not_delay_shutdown() {
    let rest = start().await;
    let mut subscriber = Subscriber::connect(&rest).await;
    subscriber.next().await;
    let cancelled = Instant::now();
    rest.context.shutdown.cancel();
    rest.ended.await.unwrap().unwrap();
    assert!(cancelled.elapsed() < Duration::from_secs(2), "{:?}", cancelled.elapsed());
}
