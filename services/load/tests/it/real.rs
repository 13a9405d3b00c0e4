//! Pairs that call at a real Janus.

use crate::runs::run;
use testkit::Janus;

#[tokio::test]
async fn pairs_wait_until_janus_has_closed_a_call() {
    let janus = Janus::start().await;
    let line = run(&format!("calls --url {} --pairs 3 --seconds 4 --warm-up 0", janus.url())).await;
    assert!(line["calls"].as_u64().unwrap() > 3, "each pair has called more than once: {line}");
    // Janus says that it has closed a call a moment before it takes the next; what comes in between it refuses.
    let errors = line["errors"].as_object().unwrap();
    assert!(errors.keys().all(|kind| kind == "call 490"), "{line}");
}
