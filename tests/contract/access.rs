//! Secrets and tokens: clients need those of Switchboard, Switchboard needs those of Janus, and neither is
//! exposed to the other side or in a log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::{Client, Janus, Process, Service, janus};

const CLIENTS: &str = "clients' secret";
const JANUS: &str = "janus' own";

#[tokio::test]
async fn clients_and_janus_have_separate_secrets() {
    let guarded = janus::JanusConfig { api_secret: Some(JANUS.to_owned()), ..janus::JanusConfig::default() };
    let janus = Janus::with(guarded).await;
    let backend = format!("a={}", janus.url());
    let secret = format!("a={JANUS}");
    let options =
        ["--backend", &backend, "--backend-api-secret", &secret, "--api-secret", CLIENTS, "--log", "trace"];
    let standalone = Process::start(Service::Standalone, &options).await;
    let mut alice = guarded_client(&standalone.url(), "alice").await;
    let mut bob = guarded_client(&standalone.url(), "bob").await;
    let call = alice
        .on_handle(json!({"janus": "message", "apisecret": CLIENTS, "jsep": testkit::sdp::offer(),
        "body": {"request": "call", "username": "bob"}}));
    alice.post(call).await;
    alice.expect_event("calling").await;
    bob.expect_event("incomingcall").await;
    for client in [&alice, &bob] {
        let received = client.transcript().received();
        assert!(received.iter().all(|message| !message.to_string().contains(JANUS)));
    }
    let log = standalone.log();
    assert!(!log.contains(CLIENTS) && !log.contains(JANUS), "a secret is in the log");
}

/// A registered client that sends the secret.
async fn guarded_client(url: &str, name: &str) -> Client {
    let mut client = Client::connect(url).await;
    client.ping().await;
    client.info().await;
    let refused = client.request(json!({"janus": "create"})).await;
    assert_eq!(refused["error"]["code"], 403);
    let created = client.request(json!({"janus": "create", "apisecret": CLIENTS})).await;
    let session = created["data"]["id"].as_u64().unwrap();
    let attach = json!({"janus": "attach", "session_id": session, "plugin": "janus.plugin.videocall", "apisecret": CLIENTS});
    let handle = client.request(attach).await["data"]["id"].as_u64().unwrap();
    let mut client = client.with_session(session).with_handle(handle);
    let body = json!({"request": "register", "username": name});
    let register = client.on_handle(json!({"janus": "message", "apisecret": CLIENTS, "body": body}));
    client.post(register).await;
    client.expect_event("registered").await;
    client
}

pub const KEY: &str = "hmackey";

/// A token for these plugins that is valid for a minute.
pub fn token(plugins: &str) -> String {
    let expiry = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 60;
    let claims = format!("{expiry},janus,{plugins}");
    let mut mac = Hmac::<Sha1>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(claims.as_bytes());
    format!("{claims}:{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn signed_tokens_are_checked_as_by_janus() {
    let guarded =
        janus::JanusConfig { token_auth_secret: Some(KEY.to_owned()), ..janus::JanusConfig::default() };
    let (guarded, open) = (Janus::with(guarded).await, Janus::start().await);
    let backend = format!("a={}", open.url());
    let options = ["--backend", &backend, "--token-auth-secret", KEY];
    let standalone = Process::start(Service::Standalone, &options).await;
    let good = token("janus.plugin.videocall");
    let forged = good.replacen(',', "0,", 1);
    for url in [guarded.url(), standalone.url()] {
        assert_eq!(entry(&url, &good).await, (json!("success"), json!(null), json!("success"), json!(null)));
        assert_eq!(entry(&url, &forged).await.1, 403);
        let other = entry(&url, &token("janus.plugin.echotest")).await;
        assert_eq!((&other.0, &other.3), (&json!("success"), &json!(405)), "{url}");
        let info = Client::connect(&url).await.info().await;
        assert_eq!((&info["auth_token"], &info["api_secret"]), (&json!(true), &json!(false)));
    }
}

/// The replies to `create` and `attach`, each with its error code.
async fn entry(url: &str, token: &str) -> (Value, Value, Value, Value) {
    let mut client = Client::connect(url).await;
    let created = client.request(json!({"janus": "create", "token": token})).await;
    let attach = json!({"janus": "attach", "session_id": created["data"]["id"], "plugin": "janus.plugin.videocall", "token": token});
    let attached = client.request(attach).await;
    let code = |reply: &Value| reply["error"]["code"].clone();
    (created["janus"].clone(), code(&created), attached["janus"].clone(), code(&attached))
}
