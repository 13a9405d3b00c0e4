//! Guesses of the clients' secret.

use super::harness::{Fixture, pace};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::raw_websocket::Received;
use testkit::{RawWebsocket, Service};
use tokio::time::Instant;

const CONNECTIONS: usize = 4;
/// Messages a second of each connection, and guesses in each.
const RATE: u32 = 5;
const GUESSES: usize = 64;
/// How many guesses may be answered with all connections in the time of the measurement, by 403 with a look at the secret.
const MAX_CHECKED: f64 = 200.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_harm_no_call_and_are_few() {
    let key = "--token-auth-secret=a-key-for-tokens";
    let fixture = Fixture::start().await;
    let guarded = testkit::Process::start(
        Service::Edge,
        &[&format!("--redis={}", fixture.redis.url()), key, "--api-secret=a-right-secret"],
    )
    .await;
    let url = guarded.url();
    let answered = AtomicUsize::new(0);
    let attack = async {
        join_all((0..CONNECTIONS).map(|_| guess(&url, &answered))).await;
    };
    fixture.withstand("guesses of secrets", attack).await;
    let metrics = testkit::http::get(&format!("{}/metrics", guarded.admin_url())).await.body;
    let count = |cause: &str| {
        let name = format!("switchboard_edge_unauthorized_requests_total{{cause=\"{cause}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap();
        line.parse::<f64>().unwrap()
    };
    assert!(
        count("wrong") >= 5.0 && count("wrong") <= MAX_CHECKED,
        "{} guesses were checked",
        count("wrong")
    );
    assert!(count("unchecked") > count("wrong"));
    assert!(
        guarded.log().contains("a client shows a wrong secret") && guarded.log().contains("client=127.0.0.1")
    );
    assert!(!guarded.log().contains("guess-"), "the log has a secret");
}

async fn guess(url: &str, answered: &AtomicUsize) {
    let mut websocket = RawWebsocket::open(url).await.unwrap();
    let mut pace = pace(RATE);
    loop {
        tokio::select! {
            _ = pace.tick() => {
                let number = answered.load(Ordering::Relaxed);
                let create = json!({"janus": "create", "transaction": "t", "apisecret": format!("guess-{number}")});
                if !websocket.send(create.to_string().repeat(GUESSES)).await {
                    websocket = RawWebsocket::open(url).await.unwrap();
                }
            }
            received = websocket.next_until(Instant::now() + testkit::DEADLINE) => match received {
                Received::Text(text) => {
                    assert!(text.contains("403"), "{text}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                _ => websocket = RawWebsocket::open(url).await.unwrap(),
            }
        }
    }
}
