//! Floods of rest: guesses of the operators' secret, and streams of events that one address opens.

use super::harness::{Fixture, pace};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::{Service, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SECRET: &str = "correct horse battery staple";
/// Guesses a second.
const RATE: u32 = 200;
/// More streams than rest has places for.
const STREAMS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_of_the_secret_are_counted_and_slowed() {
    let fixture = Fixture::with(|plan| plan.with(Service::Rest, &format!("--rest-secret={SECRET}"))).await;
    let url = format!("{}/api/v1/cluster", fixture.cluster.rest_url(0));
    let (slowed, guesses) = (AtomicU64::new(0), AtomicU64::new(0));
    let attack = async {
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            let guess = guesses.fetch_add(1, Ordering::Relaxed);
            let answer = http::send_as(&format!("guess {guess}"), "GET", &url, "").await.unwrap();
            assert!(matches!(answer.status, 401 | 429), "{answer:?}");
            slowed.fetch_add(u64::from(answer.status == 429), Ordering::Relaxed);
            if guess % 100 == 99 {
                let right = http::send_as(SECRET, "GET", &url, "").await.unwrap();
                assert_eq!(right.status, 200, "the right secret, from the address of the guesses");
            }
        }
    };
    fixture.withstand("guesses of the secret", attack).await;
    let (slowed, guesses) = (slowed.into_inner(), guesses.into_inner());
    assert!(guesses > 100 && slowed >= guesses - 6, "{slowed} of {guesses}");
    let rest = &fixture.cluster.rests[0];
    let metrics = http::get(&format!("{}/metrics", rest.admin_url())).await.body;
    let counted = metrics.lines().find_map(|line| line.strip_prefix("switchboard_rest_wrong_secrets_total "));
    let counted: u64 = counted.unwrap().parse().unwrap();
    assert!(counted >= guesses - 1, "{counted} of {guesses}");
    println!("hostile: {slowed} of {guesses} guesses got 429");
}

/// Opens a stream of events; returns its status, and the stream.
async fn subscribe(address: &str, headers: &str) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/cluster/events HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await.unwrap().unwrap();
    let status = String::from_utf8_lossy(&head)[9..].parse().unwrap();
    (status, stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_leaves_streams_of_events_to_others() {
    let fixture = Fixture::with(|plan| plan.with(Service::Rest, &format!("--rest-secret={SECRET}"))).await;
    let url = fixture.cluster.rest_url(0);
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let shown = format!("Authorization: Bearer {SECRET}\r\n");
    let attack = async {
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            assert_eq!(subscribe(&address, "").await.0, 401, "without the secret there is no stream");
            let (status, stream) = subscribe(&address, &shown).await;
            streams.push(stream);
            assert_eq!(status, if streams.len() <= 32 { 200 } else { 503 }, "{}", streams.len());
        }
        std::future::pending::<()>().await;
        drop(streams);
    };
    fixture.withstand("streams of events", attack).await;
    let view = http::send_as(SECRET, "GET", &format!("{url}/api/v1/cluster"), "").await.unwrap();
    assert!(serde_json::from_str::<Value>(&view.body).unwrap()["services"].is_array(), "{view:?}");
}
