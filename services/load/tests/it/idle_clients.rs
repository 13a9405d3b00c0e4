//! `load idle` and `load storm` against the fake Janus.

use crate::runs::{run, run_until};
use serde_json::{Value, json};
use service::CancellationToken;
use testkit::{FakeJanus, eventually};

fn claims(janus: &FakeJanus) -> usize {
    janus.requests().iter().filter(|request| request["janus"] == "claim").count()
}

async fn wait_registered(janus: &FakeJanus, count: usize) {
    eventually("all are registered", async || {
        let registered = |request: &&Value| request["body"]["request"] == "register";
        janus.requests().iter().filter(registered).count() == count
    })
    .await;
}

#[tokio::test]
async fn idle_clients_claim_their_sessions() {
    let janus = FakeJanus::start().await;
    let stop = CancellationToken::new();
    let line = format!("idle --url {} --clients 20 --per-second 1000", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        wait_registered(&janus, 20).await;
        janus.drop_connections();
        eventually("all have claimed", async || claims(&janus) == 20).await;
        // Each client has one session: the claimed one.
        assert_eq!(janus.sessions(), 20);
        stop.cancel();
    });
    let lines = lines.unwrap();
    assert_eq!((&lines[0]["what"], &lines[0]["clients"]), (&json!("ready"), &json!(20)));
    assert_eq!((&lines[0]["ready"], &lines[0]["errors"]), (&json!(20), &json!({})));
    let last = &lines[1];
    assert_eq!((&last["what"], &last["clients"], &last["ready"]), (&json!("idle"), &json!(20), &json!(20)));
    assert_eq!(last["lost_sockets"], 20);
    // The run may have ended before the last replies were read.
    assert!(last["claims"].as_u64().unwrap() <= 20 && last["errors"] == json!({}), "{last}");
    assert_eq!(janus.sessions(), 0);
}

#[tokio::test]
async fn idle_client_registers_again_without_its_session() {
    let mut janus = FakeJanus::start().await;
    let stop = CancellationToken::new();
    let line = format!("idle --url {} --clients 3", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        wait_registered(&janus, 3).await;
        eventually("all have their handles", async || janus.handles() == 3).await;
        janus.crash().await;
        janus.restart().await;
        wait_registered(&janus, 3).await;
        stop.cancel();
    });
    let last = &lines.unwrap()[1];
    assert_eq!((&last["errors"]["claim 458"], &last["claims"]), (&json!(3), &json!(0)), "{last}");
}

#[tokio::test]
async fn storm_ends_when_all_clients_are_back() {
    let janus = FakeJanus::start().await;
    let line = run(&format!("storm --url {} --clients 30 --at-once 7 --seconds 0", janus.url())).await;
    assert_eq!((&line["what"], &line["clients"], &line["ready"]), (&json!("storm"), &json!(30), &json!(30)));
    assert_eq!((&line["claims"], &line["errors"]), (&json!(30), &json!({})));
    assert_eq!(claims(&janus), 30);
    for time in [&line["register_seconds"], &line["claim_seconds"]] {
        assert!(time.as_f64().unwrap() >= 0.0, "{line}");
    }
    assert!(
        line["ready_ms"]["max"].as_f64().unwrap() > 0.0 && line["claim_ms"]["max"].as_f64().unwrap() > 0.0
    );
    assert_eq!(janus.sessions(), 0);
}

#[tokio::test]
async fn run_without_clients_has_no_result() {
    let janus = FakeJanus::start().await;
    janus.refuse_sessions(true);
    for load in ["idle", "storm"] {
        let line = format!("{load} --url {} --clients 2", janus.url());
        let error = run_until(&line, CancellationToken::new()).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("no client could register at {}; errors: create 472", janus.url()))
        );
    }
}
