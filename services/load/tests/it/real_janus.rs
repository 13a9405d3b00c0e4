//! One pair against a real Janus: Janus 1.1.2 can freeze when several calls end at the same time.

use crate::runs::run;
use testkit::Janus;

#[tokio::test]
async fn pair_waits_until_janus_has_closed_a_call() {
    let janus = Janus::start().await;
    let line = run(&format!("calls --url {} --pairs 1 --seconds 4 --warm-up 0", janus.url())).await;
    assert!(line["calls"].as_u64().unwrap() > 1, "more than one call: {line}");
    // Janus reports a closed call shortly before it accepts the next, and refuses calls in between.
    let errors = line["errors"].as_object().unwrap();
    assert!(errors.keys().all(|kind| kind == "call 490"), "{line}");
}
