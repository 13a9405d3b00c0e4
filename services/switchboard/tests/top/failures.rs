//! `top` while the cluster, rest or the terminal fails.

use crate::terminal::{Terminal, output};
use std::net::TcpListener;
use testkit::{Cluster, FakeJanus, Redis, Service};

/// The port has no listener.
const NO_REST: &str = "http://127.0.0.1:1";

async fn with_secret(redis: &Redis, janus: &FakeJanus) -> Cluster {
    let plan = Cluster::new(redis).rests(1).backend("a", janus);
    plan.with(Service::Rest, "--rest-secret=hunter2").start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_rest_is_shown_and_retried() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let mut cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let address = cluster.rest_url(0);
    let top = Terminal::run(&["top", "--rest", &address], &[]);
    top.wait_for("All is well.");
    cluster.rests[0].kill();
    let line = top.wait_for("cannot be reached");
    assert!(line.starts_with(&format!("! rest at {address} cannot be reached")), "{line}");
    assert!(line.ends_with("retrying"), "{line}");
    top.wait_for("sb:{requests:0}");
    cluster.rests[0].restart().await;
    let text = top.wait_until("the cluster again", |text| !text.contains("cannot be reached"));
    assert!(text.contains("sb:{requests:0}"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_wrong_secret_is_shown() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = with_secret(&redis, &janus).await;
    let address = cluster.rest_url(0);
    Terminal::run(&["top", "--rest", &address], &[]).wait_for("needs its secret: --rest-secret");
    let wrong = ["top", "--rest", &address, "--rest-secret", "hunter3"];
    let line = Terminal::run(&wrong, &[]).wait_for("does not accept this secret");
    assert!(!line.contains("hunter"), "{line}");
    let from_environment = [("SWITCHBOARD_REST", address.as_str()), ("SWITCHBOARD_REST_SECRET", "hunter2")];
    Terminal::run(&["top"], &from_environment).wait_for("sb:{requests:0}");
    let file = std::env::temp_dir().join(format!("switchboard-top-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let from_file = ["top", "--rest", &address, "--rest-secret-file", file.to_str().unwrap()];
    Terminal::run(&from_file, &[("SWITCHBOARD_REST_SECRET", "")]).wait_for("sb:{requests:0}");
    std::fs::remove_file(&file).unwrap();
    let (_, _, stderr) = output(&from_file);
    assert!(stderr.contains("cannot use the secret file"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_redis_is_shown() {
    let (mut redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let top = Terminal::run(&["top", "--rest", &cluster.rest_url(0)], &[]);
    top.wait_for("All is well.");
    redis.kill();
    top.wait_for("; retrying");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_service_is_shown() {
    let (redis, janus) = tokio::join!(Redis::start(), FakeJanus::start());
    let mut cluster = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus).start().await;
    let top = Terminal::run(&["top", "--rest", &cluster.rest_url(0)], &[]);
    top.wait_for("All is well.");
    cluster.edges[1].kill();
    top.wait_for("has died");
    top.wait_for("left ");
}

#[test]
fn terminal_is_restored_after_a_signal() {
    for (signal, code) in [("TERM", Some(0)), ("INT", Some(0))] {
        let mut top = Terminal::run(&["top", "--rest", NO_REST], &[]);
        top.wait_for("cannot be reached");
        assert!(!top.is_restored());
        top.signal(signal);
        assert_eq!(top.ended().code(), code, "{signal}");
        top.wait_until_restored();
    }
}

#[test]
fn no_color_turns_colours_off() {
    let top = Terminal::run(&["top", "--rest", NO_REST], &[]);
    top.wait_for("cannot be reached");
    assert!(top.has_colour());
    let plain = Terminal::run(&["top", "--rest", NO_REST], &[("NO_COLOR", "1")]);
    plain.wait_for("cannot be reached");
    assert!(!plain.has_colour());
}

#[test]
fn invalid_flags_are_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (args, text) in [
        (&["top"][..], "top needs a terminal; elsewhere use --once"),
        (&["top", "--rest", "https://h", "--once"], "invalid --rest"),
        (&["top", "--json"], "--once"),
        (&["top", "--rest", &address, "--once"], "cannot be reached"),
    ] {
        let (is_good, out, err) = output(args);
        assert!(!is_good && out.is_empty() && err.contains(text), "{args:?}: {err}");
    }
}
