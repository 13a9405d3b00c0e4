//! A pair that calls at a real Janus. Only one: Janus 1.1.2 can freeze when several calls end at the same moment.

use crate::runs::run;
use testkit::Janus;

#[tokio::test]
async fn a_pair_waits_until_janus_has_closed_a_call() {
    let janus = Janus::start().await;
    let line = run(&format!("calls --url {} --pairs 1 --seconds 4 --warm-up 0", janus.url())).await;
    assert!(line["calls"].as_u64().unwrap() > 1, "it has called more than once: {line}");
    // Janus says that it has closed a call a moment before it takes the next; what comes in between it refuses.
    let errors = line["errors"].as_object().unwrap();
    assert!(errors.keys().all(|kind| kind == "call 490"), "{line}");
}
