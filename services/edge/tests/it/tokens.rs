//! A session that was created with a token can only be claimed with the same token, on any edge.

use crate::harness::{Harness, Node};
use serde_json::{Value, json};
use testkit::Client;

/// Two tokens, signed with the key `hmackey` by another program.
const TOKENS: [&str; 2] = [
    "9999999999,janus,janus.plugin.videocall:gSaKiujvKXYNZQUe79Sko3D3xhc=",
    "9999999998,janus,janus.plugin.videocall:m4N8yIxACiNdO9Kiv7TWkqpwz7Y=",
];
const OPTIONS: &[&str] = &["--token-auth-secret=hmackey"];

async fn cluster() -> (Harness, Node) {
    let harness = Harness::first(OPTIONS).await;
    let other = harness.another(OPTIONS).await;
    (harness, other)
}

async fn created(url: &str) -> u64 {
    let mut alice = Client::connect(url).await;
    let created = alice.request_for("success", json!({"janus": "create", "token": TOKENS[0]})).await;
    created["data"]["id"].as_u64().unwrap()
}

async fn claim(url: &str, session: u64, token: &str) -> Value {
    let mut client = Client::connect(url).await;
    client.request(json!({"janus": "claim", "session_id": session, "token": token})).await
}

#[tokio::test]
async fn wrong_token_reveals_nothing_about_a_session() {
    let (harness, other) = cluster().await;
    let session = created(&harness.url).await;
    for url in [&harness.url, &other.url] {
        let stolen = claim(url, session, TOKENS[1]).await;
        let nothing = claim(url, session + 1, TOKENS[1]).await;
        assert_eq!(stolen["error"]["code"], 458);
        assert_eq!(nothing["error"]["code"], 458);
        assert_eq!(claim(url, session, "nonsense").await["error"]["code"], 403);
    }
}

#[tokio::test]
async fn same_token_can_claim_on_any_edge() {
    let (harness, other) = cluster().await;
    let session = created(&harness.url).await;
    for url in [&other.url, &other.url, &harness.url] {
        assert_eq!(claim(url, session, TOKENS[0]).await["janus"], "success");
        assert_eq!(claim(url, session, TOKENS[1]).await["error"]["code"], 458);
    }
}
