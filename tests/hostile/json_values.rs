//! Values that Janus' JSON library refuses. In a request to Janus they would make it refuse the whole message without
//! naming its transaction.

use super::harness::{Fixture, pace};
use testkit::{Client, sdp};

/// Requests a second.
const RATE: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_janus_refuses_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let _accomplice = Client::registered(&fixture.edge_url(1), "accomplice").await;
        let values = ["1e999", "[-1e400]", "99999999999999999999", "\"\\ud800\"", "\"\\u0000\""];
        let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
        let mut values = values.into_iter().chain([deep.as_str()]).cycle();
        let (session, handle) = (mallory.session(), mallory.handle());
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            let (value, offer) = (values.next().unwrap(), sdp::offer().to_string());
            let offer = offer.strip_prefix('{').unwrap();
            mallory
                .send_text(format!(
                    r#"{{"janus":"message","transaction":"t","session_id":{session},"handle_id":{handle},"body":{{"request":"call","username":"accomplice"}},"jsep":{{"x":{value},{offer}}}"#
                ))
                .await;
            let error = mallory.expect("an error", |message| message["janus"] == "error").await;
            assert_eq!(error["error"]["code"], 454, "{value}: {error}");
        }
    };
    fixture.withstand("values that Janus refuses", attack).await;
}
