//! One look, printed.

use crate::terminal::output;
use serde_json::Value;
use testkit::{Cluster, FakeJanus, Redis};

#[tokio::test(flavor = "multi_thread")]
async fn one_look_is_printed_for_people_and_for_scripts() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let address = cluster.rest_url(0);
    let (is_good, out, err) = output(&["top", "--rest", &address, "--once", "--json"]);
    assert!(is_good && err.is_empty() && out.lines().count() == 1, "{err}{out}");
    let look: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(look["troubles"], serde_json::json!([]));
    let roads = look["roads"].as_array().unwrap();
    let road = |key: &str| roads.iter().find(|road| road["key"] == key).unwrap();
    assert!(
        road("sb:{requests:0}")["rate_in"].is_number() && road("sb:{requests:0}")["rate_out"].is_number()
    );
    assert_eq!(road("sb:{requests:0}")["redelivered"], 0);
    assert!(look["backends"][0]["probe_ms"].is_u64(), "{}", look["backends"]);
    assert!(look["services"].as_array().unwrap().iter().all(|service| service["state"] == "ready"));
    let (is_good, out, err) = output(&["top", "--rest", &address, "--once"]);
    println!("{out}");
    assert!(is_good && err.is_empty(), "{err}");
    for words in ["All is well.", "sb:{backend:a}", "router-", "it takes calls"] {
        assert!(out.contains(words), "no {words} in\n{out}");
    }
    assert!(!out.contains('\u{1b}') && !out.contains("q quit"));
}
