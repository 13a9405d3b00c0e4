//! `load calls` against the fake Janus.

use crate::runs::{load, run, run_until};
use serde_json::{Value, json};
use service::CancellationToken;
use testkit::{Client, FakeJanus, eventually};

fn count(janus: &FakeJanus, is_one: impl Fn(&Value) -> bool) -> usize {
    janus.requests().iter().filter(|request| is_one(request)).count()
}

fn is_request(request: &str) -> impl Fn(&Value) -> bool {
    move |message| message["body"]["request"] == request
}

fn is_latency(times: &Value) -> bool {
    let [p50, p99, max] = ["p50", "p99", "max"].map(|name| times[name].as_f64().unwrap());
    0.0 < p50 && p50 <= p99 && p99 <= max
}

#[tokio::test]
async fn pairs_call_repeatedly_and_leave_nothing_behind() {
    let (one, other) = (FakeJanus::start().await, FakeJanus::start().await);
    let line = run(&format!("calls --url {} --pairs 3 --seconds 1 --warm-up 0.1", one.url())).await;
    let calls = line["calls"].as_u64().unwrap();
    assert!(calls > 0, "{line}");
    assert_eq!(line["what"], "calls");
    assert_eq!(line["urls"], json!([one.url()]));
    assert_eq!((&line["pairs"], &line["rate"], &line["hold_ms"]), (&json!(3), &Value::Null, &json!(0)));
    assert_eq!(line["errors"], json!({}));
    assert!(line["seconds"].as_f64().unwrap() >= 1.0 && line["calls_per_second"].as_f64().unwrap() > 0.0);
    assert!(["ring_ms", "accept_ms", "hangup_ms"].iter().all(|step| is_latency(&line[step])), "{line}");

    assert!(count(&one, is_request("call")) as u64 >= calls);
    assert_eq!(count(&one, is_request("register")), 6);
    let trickled = count(&one, |message| message["janus"] == "trickle");
    assert!(trickled as u64 >= 6 * calls, "two candidates and an end for each side: {trickled}");
    assert_eq!((one.sessions(), one.calls(), other.sessions()), (0, 0, 0));
}

#[tokio::test]
async fn callers_and_callees_use_different_endpoints() {
    let (one, other) = (FakeJanus::start().await, FakeJanus::start().await);
    let urls = format!("--url {} --url {}", one.url(), other.url());
    let line = run(&format!("calls {urls} --pairs 2 --seconds 0.2 --warm-up 0")).await;
    // Neither server knows the users of the other.
    assert_eq!((line["calls"].as_u64().unwrap(), line["errors"]["call 478"].as_u64().unwrap()), (0, 2));
    assert_eq!(line["ring_ms"], json!({"p50": null, "p99": null, "max": null}));
    assert!(is_latency(&line["refused_ms"]), "{line}");
    let registered = |janus| count(janus, is_request("register"));
    assert_eq!((registered(&one), registered(&other)), (2, 2));
}

#[tokio::test]
async fn calls_start_at_the_rate() {
    let janus = FakeJanus::start().await;
    let options = "--pairs 4 --rate 40 --seconds 0.5 --warm-up 0 --candidates 0";
    let line = run(&format!("calls --url {} {options}", janus.url())).await;
    let called = count(&janus, is_request("call"));
    assert!((1..=21).contains(&called), "{called} calls in half a second: {line}");
    assert_eq!((&line["rate"], &line["candidates"]), (&json!(40.0), &json!(0)));
    assert_eq!(count(&janus, |message| message["janus"] == "trickle"), 0);
}

#[tokio::test]
async fn call_without_a_free_pair_is_an_error() {
    let janus = FakeJanus::start().await;
    let options = "--pairs 1 --rate 100 --hold 60000 --seconds 0.5 --warm-up 0";
    let line = run(&format!("calls --url {} {options}", janus.url())).await;
    assert_eq!((&line["calls"], &line["hold_ms"]), (&json!(0), &json!(60_000)));
    assert!(line["errors"]["no pair was free"].as_u64().unwrap() >= 1, "{line}");
    assert!(is_latency(&line["ring_ms"]) && line["hangup_ms"]["max"].is_null(), "{line}");
}

#[tokio::test]
async fn cancelled_run_prints_its_result() {
    let janus = FakeJanus::start().await;
    let stop = CancellationToken::new();
    let line = format!("calls --url {} --pairs 2 --hold 60000 --seconds 0 --warm-up 0", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        eventually("both pairs are in a call", async || count(&janus, is_request("accept")) == 2).await;
        stop.cancel();
    });
    assert_eq!(lines.unwrap()[0]["calls"], 0);
    assert_eq!(janus.sessions(), 0);
}

#[tokio::test]
async fn pair_registers_again_after_lost_connections() {
    let janus = FakeJanus::start().await;
    let stop = CancellationToken::new();
    let line = format!("calls --url {} --pairs 1 --hold 60000 --seconds 0 --warm-up 0", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        eventually("the pair is in a call", async || count(&janus, is_request("accept")) == 1).await;
        janus.drop_connections();
        eventually("the pair is in another call", async || count(&janus, is_request("accept")) == 2).await;
        stop.cancel();
    });
    assert_eq!(lines.unwrap()[0]["errors"], json!({"connection lost": 1}));
}

#[tokio::test]
async fn pair_continues_after_a_failed_call() {
    let janus = FakeJanus::start().await;
    let stop = CancellationToken::new();
    let line = format!("calls --url {} --pairs 1 --hold 60000 --seconds 0 --warm-up 0", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        eventually("the pair is in a call", async || count(&janus, is_request("accept")) == 1).await;
        janus.lose_media("ICE failed");
        eventually("the pair is in another call", async || count(&janus, is_request("accept")) == 2).await;
        stop.cancel();
    });
    assert_eq!(lines.unwrap()[0]["errors"], json!({"call ended early: ICE failed": 1}));
}

#[tokio::test]
async fn taken_name_is_an_error() {
    let janus = FakeJanus::start().await;
    let _taken = Client::registered(&janus.url(), "me_0_0_a").await;
    let stop = CancellationToken::new();
    let options = "--name-prefix me_ --pairs 2 --hold 60000 --seconds 0 --warm-up 0";
    let line = format!("calls --url {} {options}", janus.url());
    let (lines, ()) = tokio::join!(run_until(&line, stop.clone()), async {
        eventually("both pairs are in a call", async || count(&janus, is_request("accept")) == 2).await;
        stop.cancel();
    });
    assert_eq!(lines.unwrap()[0]["errors"], json!({"register 476": 1}));
    assert_eq!(count(&janus, |it| it["body"]["username"] == "me_0_1_b"), 2, "in `register` and in `call`");
}

#[tokio::test]
async fn every_request_carries_secret_and_token() {
    let janus = FakeJanus::start().await;
    let options = "--api-secret s --token t --pairs 1 --seconds 0.1 --warm-up 0";
    run(&format!("calls --url {} {options}", janus.url())).await;
    assert_eq!(count(&janus, |it| it["apisecret"] != "s" || it["token"] != "t"), 0);
}

#[tokio::test]
async fn run_without_clients_has_no_result() {
    let mut janus = FakeJanus::start().await;
    janus.refuse_sessions(true);
    let line = format!("calls --url {} --pairs 2", janus.url());
    let refused = run_until(&line, CancellationToken::new()).await.unwrap_err().to_string();
    assert_eq!(refused, format!("no client could register at {}: create 472", janus.url()));
    janus.crash().await;
    let unreachable = run_until(&line, CancellationToken::new()).await.unwrap_err().to_string();
    assert_eq!(
        unreachable,
        format!("no client could register at {}: no connection: connection refused", janus.url())
    );
}

#[test]
fn invalid_options_are_refused() {
    for (line, wanted) in [
        ("calls", "--url"),
        ("calls --url http://janus", "ws://HOST:PORT"),
        ("calls --url wss://janus", "wss:// is not supported"),
        ("calls --url ws://janus --pairs 0", "1..=500000"),
        ("calls --url ws://janus --rate 0", "a number above 0"),
        ("calls --url ws://janus --seconds=-1", "seconds"),
        ("calls --url ws://janus --name-prefix a-b", "letters, digits and _"),
    ] {
        let error = load(line).unwrap_err();
        assert!(error.contains(wanted), "{line}: {error}");
    }
}
