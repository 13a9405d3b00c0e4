//! `top --once`.

use crate::terminal::output;
use serde_json::Value;
use testkit::{Cluster, FakeJanus, Redis};

#[tokio::test(flavor = "multi_thread")]
async fn state_is_printed_as_text_and_as_json() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let address = cluster.rest_url(0);
    let (is_success, json, stderr) = output(&["top", "--rest", &address, "--once", "--json"]);
    assert!(is_success && stderr.is_empty() && json.lines().count() == 1, "{stderr}{json}");
    let view: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(view["findings"], serde_json::json!([]));
    let streams = view["streams"].as_array().unwrap();
    let stream = |key: &str| streams.iter().find(|stream| stream["key"] == key).unwrap();
    assert!(
        stream("sb:{requests:0}")["rate_in"].is_number() && stream("sb:{requests:0}")["rate_out"].is_number()
    );
    assert_eq!(stream("sb:{requests:0}")["redelivered"], 0);
    assert!(view["backends"][0]["probe_ms"].is_u64(), "{}", view["backends"]);
    assert!(view["services"].as_array().unwrap().iter().all(|service| service["state"] == "ready"));
    let (is_text_success, screen, log) = output(&["top", "--rest", &address, "--once"]);
    println!("{screen}");
    assert!(is_text_success && log.is_empty(), "{log}");
    for text in ["All is well.", "sb:{backend:a}", "router-", "it takes calls"] {
        assert!(screen.contains(text), "no {text} in\n{screen}");
    }
    assert!(!screen.contains('\u{1b}') && !screen.contains("q quit"));
}
