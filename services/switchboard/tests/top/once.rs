//! `top --once`.

use crate::terminal::output;
use bus::Bus;
use bus::message::{CallEvent, CallRecord, StepDurations};
use common::CallId;
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

#[tokio::test(flavor = "multi_thread")]
async fn hidden_characters_of_a_reason_are_escaped() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let reason = "bye\u{202e}\u{200b}\u{9b}2J";
    let record = CallRecord {
        call: CallId::fresh(),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        steps: StepDurations::default(),
        kind: None,
        reason: Some(reason.to_owned()),
        duration_ms: Some(1_000),
    };
    let address = cluster.rest_url(0);
    let is_counted = async || {
        let view = testkit::http::get(&format!("{address}/api/v1/cluster")).await;
        serde_json::from_str::<Value>(&view.body).is_ok_and(|it| it["calls"]["recent"]["ended"] != 0)
    };
    Bus::redis(&redis.url()).await.unwrap().log_calls(&[record]).await.unwrap();
    testkit::eventually("the end of the call is counted", is_counted).await;
    for flags in [&["--json"][..], &[]] {
        let (is_success, printed, log) =
            output(&[&["top", "--rest", address.as_str(), "--once"], flags].concat());
        assert!(is_success && log.is_empty(), "{log}");
        assert!(!printed.contains(['\u{202e}', '\u{200b}', '\u{9b}']), "{printed:?}");
    }
}
