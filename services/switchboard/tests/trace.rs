//! Following one call: `switchboard trace`, and what the services log.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use std::process::{Command, Output};
use testkit::{Client, Cluster, FakeJanus, Redis, Service};

fn trace(redis: &Redis, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    for (name, _) in std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("SWITCHBOARD_")) {
        command.env_remove(name);
    }
    command.args(["trace", "--redis", &redis.url()]).args(args).output().unwrap()
}

fn printed(redis: &Redis, args: &[&str]) -> String {
    let output = trace(redis, args);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the timeline of a call, once it has this step.
async fn timeline_with(redis: &Redis, call: &str, step: &str) -> Value {
    let deadline = tokio::time::Instant::now() + testkit::DEADLINE;
    loop {
        let output = trace(redis, &[call, "--json"]);
        let timeline: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if steps(&timeline).contains(&step) {
            return timeline;
        }
        assert!(tokio::time::Instant::now() < deadline, "no {step} in {output:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn steps(timeline: &Value) -> Vec<&str> {
    timeline["steps"].as_array().into_iter().flatten().map(|step| step["step"].as_str().unwrap()).collect()
}

/// Returns the id of the only call.
async fn call_id(cluster: &Cluster) -> String {
    let calls = testkit::http::get(&format!("{}/api/v1/calls", cluster.rest_url(0))).await;
    let calls: Value = serde_json::from_str(&calls.body).unwrap();
    calls["calls"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn call_can_be_traced_and_found_in_every_log() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let mut plan = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus);
    for service in [Service::Edge, Service::Router, Service::Connector] {
        plan = plan
            .with(service, "--log-format=json")
            .with(service, "--log=info,edge=debug,router=debug,connector=debug");
    }
    let mut cluster = plan.start().await;
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(1), "bob").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    let call = call_id(&cluster).await;
    let timeline = timeline_with(&redis, &call, "ringing").await;
    assert_eq!((&timeline["state"], &timeline["backend"]), (&Value::from("ringing"), &Value::from("a")));
    assert_eq!(timeline["caller"]["username"], "alice");
    assert_eq!(timeline["caller"]["session"], alice.session());
    assert_eq!(timeline["callee"]["handle"], bob.handle());
    assert!(timeline["connector"].as_str().unwrap().starts_with("connector-"), "{timeline}");
    bob.accept().await;
    alice.expect_event("accepted").await;
    assert_eq!(timeline_with(&redis, &call, "answered").await["state"], "answered");
    alice.hangup().await;
    let ended = timeline_with(&redis, &call, "ended").await;
    let all = steps(&ended);
    assert!(all.ends_with(&["ringing", "answered", "ended"]), "{all:?}");
    assert_eq!((&ended["state"], &ended["callee"]["edge"]), (&Value::from("ended"), &Value::Null));
    let text = printed(&redis, &[&call]);
    println!("{text}");
    assert!(text.starts_with(&format!("call {call}\nalice -> bob, on Janus server a: ended\n")), "{text}");
    assert!(
        text.lines().any(|line| line.ends_with("the callee accepted") || line.contains("accepted (took"))
    );
    for process in cluster.processes().filter(|process| process.service() != Service::Rest) {
        assert_logged(&call, &process.log(), process.service().name());
    }
}

/// Checks that the log has lines with the id of the call, and lines that also have the id of a request.
fn assert_logged(call: &str, log: &str, service: &str) {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_call: Vec<Value> =
        lines.filter(|line| line["call"] == call || line["span"]["call"] == call).collect();
    assert!(!of_call.is_empty(), "{service} does not name {call}:\n{log}");
    let named = |line: &&Value| line["span"]["request"].is_string();
    assert!(of_call.iter().any(|line| named(&line)), "{service} names no request: {of_call:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_id_is_an_error() {
    let redis = Redis::start().await;
    for (id, text) in [
        ("01981c3e-7f9b-7b6a-8c1d-2e3f40516273", "call 01981c3e-7f9b-7b6a-8c1d-2e3f40516273 is unknown"),
        ("alice", "\"alice\" is not the id of a call"),
    ] {
        let output = trace(&redis, &[id]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && stderr.contains(text), "{stderr}");
    }
}
