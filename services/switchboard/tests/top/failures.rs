//! What is said when the cluster, rest or the terminal is not as it should be.

use crate::terminal::{Terminal, output};
use std::net::TcpListener;
use testkit::{Cluster, FakeJanus, Redis, Service};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1";

async fn guarded(redis: &Redis, janus: &FakeJanus) -> Cluster {
    let plan = Cluster::new(redis).rests(1).backend("a", janus);
    plan.with(Service::Rest, "--rest-secret=hunter2").start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_is_away_is_told_and_tried_again() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let mut cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let address = cluster.rest_url(0);
    let top = Terminal::run(&["top", "--rest", &address], &[]);
    top.wait_for("All is well.");
    cluster.rests[0].kill();
    let line = top.wait_for("cannot be reached");
    assert!(line.starts_with(&format!("! rest at {address} cannot be reached")), "{line}");
    assert!(line.ends_with("trying again"), "{line}");
    top.wait_for("sb:{requests:0}");
    cluster.rests[0].restart().await;
    let text = top.wait_until("the cluster again", |text| !text.contains("cannot be reached"));
    assert!(text.contains("sb:{requests:0}"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_or_wrong_is_told_and_the_right_one_is_taken() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = guarded(&redis, &janus).await;
    let address = cluster.rest_url(0);
    Terminal::run(&["top", "--rest", &address], &[]).wait_for("wants its secret: --rest-secret");
    let wrong = ["top", "--rest", &address, "--rest-secret", "hunter3"];
    let line = Terminal::run(&wrong, &[]).wait_for("does not take this secret");
    assert!(!line.contains("hunter"), "{line}");
    let from_environment = [("SWITCHBOARD_REST", address.as_str()), ("SWITCHBOARD_REST_SECRET", "hunter2")];
    Terminal::run(&["top"], &from_environment).wait_for("sb:{requests:0}");
    let file = std::env::temp_dir().join(format!("switchboard-top-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let from_file = ["top", "--rest", &address, "--rest-secret-file", file.to_str().unwrap()];
    Terminal::run(&from_file, &[("SWITCHBOARD_REST_SECRET", "")]).wait_for("sb:{requests:0}");
    std::fs::remove_file(&file).unwrap();
    let (_, _, words) = output(&from_file);
    assert!(words.contains("cannot use the secret file"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_told() {
    let (mut redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let top = Terminal::run(&["top", "--rest", &cluster.rest_url(0)], &[]);
    top.wait_for("All is well.");
    redis.kill();
    top.wait_for("is not available; try again; trying again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_is_seen() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let mut cluster = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus).start().await;
    let top = Terminal::run(&["top", "--rest", &cluster.rest_url(0)], &[]);
    top.wait_for("All is well.");
    cluster.edges[1].kill();
    top.wait_for("is gone without a word");
    top.wait_for("last heard of");
}

#[test]
fn whatever_ends_it_the_terminal_is_as_before() {
    for (signal, code) in [("TERM", Some(0)), ("INT", Some(0))] {
        let mut top = Terminal::run(&["top", "--rest", NOBODY], &[]);
        top.wait_for("cannot be reached");
        assert!(!top.is_as_before());
        top.signal(signal);
        assert_eq!(top.ended().code(), code, "{signal}");
        top.comes_back();
    }
}

#[test]
fn colours_are_left_out_where_nobody_wants_them() {
    let top = Terminal::run(&["top", "--rest", NOBODY], &[]);
    top.wait_for("cannot be reached");
    assert!(top.has_colour());
    let top = Terminal::run(&["top", "--rest", NOBODY], &[("NO_COLOR", "1")]);
    top.wait_for("cannot be reached");
    assert!(!top.has_colour());
}

#[test]
fn what_makes_no_sense_is_told_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    drop(silent);
    for (args, words) in [
        (&["top"][..], "top wants a terminal; elsewhere use --once"),
        (&["top", "--rest", "https://h", "--once"], "--rest makes no sense"),
        (&["top", "--json"], "--once"),
        (&["top", "--rest", &address, "--once"], "cannot be reached"),
    ] {
        let (is_good, out, err) = output(args);
        assert!(!is_good && out.is_empty() && err.contains(words), "{args:?}: {err}");
    }
}
