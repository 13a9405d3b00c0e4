//! The cluster, once a second.

use super::{ask, is_refused};
use crate::bench::{Rest, start};
use common::ServiceId;
use directory::listing::Service;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const PATH: &str = "/cluster/events";
const SOON: Duration = Duration::from_secs(20);

/// One who listens.
struct Listener(BufReader<TcpStream>);

impl Listener {
    async fn of(rest: &Rest) -> Self {
        let mut stream = TcpStream::connect(rest.address).await.unwrap();
        stream.write_all(format!("GET /api/v1{PATH} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    /// The data of the next event.
    async fn hear(&mut self) -> serde_json::Value {
        loop {
            let mut line = String::new();
            let read = timeout(SOON, self.0.read_line(&mut line)).await.expect("nothing is said");
            assert!(read.unwrap() > 0, "it was hung up");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_cluster_is_told_once_a_second() {
    let rest = start().await;
    assert!(ask(&rest, "GET", PATH, "").await.body["roads"].is_array());
    let mut listener = Listener::of(&rest).await;
    let mut at = [0; 3];
    for at in &mut at {
        *at = listener.hear().await["at"].as_u64().unwrap();
    }
    assert!(at.windows(2).all(|two| (700..5_000).contains(&(two[1] - two[0]))), "{at:?}");
}

#[tokio::test]
async fn no_more_than_64_listen() {
    let rest = start().await;
    let mut listeners = Vec::new();
    for _ in 0..64 {
        let mut listener = Listener::of(&rest).await;
        listener.hear().await;
        listeners.push(listener);
    }
    is_refused(&rest, "GET", PATH, "", 503).await;
    drop(listeners.pop());
    let gone = Instant::now();
    while ask(&rest, "GET", PATH, "").await.status != 200 {
        assert!(gone.elapsed() < SOON, "its seat is not free");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn one_that_does_not_read_is_hung_up() {
    let rest = start().await;
    // More than fits into the buffers of a connection.
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
    };
    rest.context.directory.announce_service(&service, Duration::from_secs(60)).await.unwrap();
    let listener = Listener::of(&rest).await;
    sleep(Duration::from_secs(9)).await;
    let mut all = Vec::new();
    let mut stream = listener.0.into_inner();
    // What is left in the buffers is not even the first event.
    let _ = timeout(SOON, stream.read_to_end(&mut all)).await.expect("it is still sent to");
    assert!(all.len() < 16 << 20, "{} bytes", all.len());
}

#[tokio::test]
async fn a_listener_does_not_hold_up_the_end() {
    let rest = start().await;
    let mut listener = Listener::of(&rest).await;
    listener.hear().await;
    let told = Instant::now();
    rest.context.shutdown.cancel();
    rest.ended.await.unwrap().unwrap();
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
}
