//! Guesses of secrets.

use crate::harness::Harness;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::Client;
use tokio::time::Instant;

const SECRET: &str = "a-right-secret";

fn create(secret: &str) -> Value {
    json!({"janus": "create", "apisecret": secret})
}

async fn expect_accepted(harness: &Harness) {
    let began = Instant::now();
    let mut client = Client::connect(&harness.url).await;
    assert_eq!(client.request(create(SECRET)).await["janus"], "success");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn guesses_are_slowed_and_others_of_the_address_are_not() {
    let harness = Harness::start(&["--api-secret", SECRET]).await;
    let mut guesser = Client::connect(&harness.url).await;
    let began = Instant::now();
    for number in 0..9 {
        assert_eq!(guesser.request(create(&number.to_string())).await["error"]["code"], 403);
    }
    // Four were too many: 0.1, 0.2 and 0.4 s before the last answer, and 0.8 s before the next.
    let took = began.elapsed();
    assert!((Duration::from_millis(700)..Duration::from_secs(3)).contains(&took), "{took:?}");
    expect_accepted(&harness).await;
    assert_eq!(guesser.request(create(SECRET)).await["janus"], "success", "it is not locked out");
    assert!(began.elapsed() >= Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_message_has_few_guesses() {
    let harness = Harness::start(&["--api-secret", SECRET]).await;
    let mut guesser = Client::connect(&harness.url).await;
    let request =
        |secret: &str| json!({"janus": "create", "transaction": "t", "apisecret": secret}).to_string();
    let mut message = request("wrong").repeat(10);
    message.push_str(&request(SECRET));
    guesser.send_text(message).await;
    for _ in 0..11 {
        assert_eq!(guesser.expect_core("error").await["error"]["code"], 403);
    }
    expect_accepted(&harness).await;
}

#[tokio::test]
async fn missing_secrets_are_no_guesses() {
    let harness = Harness::start(&["--api-secret", SECRET]).await;
    let mut client = Client::connect(&harness.url).await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(client.request(json!({"janus": "create"})).await["error"]["code"], 403);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
