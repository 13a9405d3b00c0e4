//! The log of a process cannot be written: a full disk, a log shipper that died or hangs, a closed terminal. No process
//! ends, hangs or loses a call for that, and each counts the lost lines.

use super::cluster::{connect, expect_announced_on, hang_up, leave, talk};
use super::measure::Since;
use super::redis_restart::readiness;
use futures_util::future::join_all;
use serde_json::json;
use std::fs;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use testkit::output::LOST;
use testkit::process::command_with;
use testkit::{
    Client, Cluster, DEADLINE, Janus, MedialessJanus, Output, Process, Redis, Service, eventually, http,
};
use tokio::task::spawn_blocking;

const SERVICES: [Service; 4] = [Service::Edge, Service::Router, Service::Connector, Service::Rest];
/// The time for the handover of an edge without clients, and for the unwritten lines.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
const METRIC: &str = "switchboard_log_lines_lost_total";

#[tokio::test]
async fn cluster_works_without_a_log() {
    let janus = Janus::start().await;
    join_all(LOST.map(|(name, output)| cluster_works(name, output, &janus))).await;
}

/// A call, an outage of Redis during the call, the next call, and SIGTERM.
async fn cluster_works(event: &'static str, output: Output, janus: &Janus) {
    let mut redis = Redis::start().await;
    let mut plan = Cluster::new(&redis).rests(1).backend("a", janus).output(output);
    for service in SERVICES {
        plan = plan.with(service, "--log=debug").with(service, "--drain-timeout=6");
    }
    let mut cluster = plan.start().await;
    expect_announced_on(&redis, "a").await;
    let url = cluster.edge_url(0);
    let (mut alice, mut bob) =
        tokio::join!(Client::registered(&url, "alice"), Client::registered(&url, "bob"));
    let called = Since::now(event);
    connect(&mut alice, &mut bob, "bob").await;
    called.within(DEADLINE, "a call is accepted");
    redis.kill();
    for process in cluster.processes() {
        let admin = process.admin_url();
        eventually("/readyz reports that Redis is down", async || readiness(&admin).await.0 == 503).await;
    }
    alice.keepalive().await;
    redis.restart().await;
    let back = Since::now(event);
    cluster.wait_ready().await;
    back.within(DEADLINE, "every service is ready after Redis was down");
    talk(&mut alice, &mut bob).await;
    hang_up(&mut alice, &mut bob).await;
    // Redis lost its data. A service is ready before the edges have restored all names.
    let exists = json!({"request": "exists", "username": "bob"});
    eventually("bob's name is restored", async || {
        alice.request_plugin(exists.clone(), None).await["result"]["registered"] == true
    })
    .await;
    connect(&mut alice, &mut bob, "bob").await;
    hang_up(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    for process in cluster.processes() {
        expect_lost_lines(event, output, process).await;
    }
    cluster.processes().for_each(Process::terminate);
    let stopped = Since::now(event);
    for process in cluster.processes() {
        expect_exit(event, process).await;
    }
    stopped.within(EXIT_TIMEOUT, "every service has exited after SIGTERM");
}

#[tokio::test]
async fn standalone_and_load_work_without_a_log() {
    let janus = MedialessJanus::start().await;
    join_all(LOST.map(|(name, output)| standalone_works(name, output, &janus))).await;
}

async fn standalone_works(event: &'static str, output: Output, janus: &MedialessJanus) {
    let backend = format!("--backend=a={}", janus.url());
    let args = [backend.as_str(), "--log=debug"];
    let mut process = Process::start_with(output, Service::Standalone, &args).await;
    expect_load_runs(event, output, &process.url()).await;
    expect_lost_lines(event, output, &process).await;
    process.terminate();
    let stopped = Since::now(event);
    expect_exit(event, &mut process).await;
    stopped.within(EXIT_TIMEOUT, "standalone has exited after SIGTERM");
}

/// `load` writes progress to its standard error each second, and exits with 0 all the same.
async fn expect_load_runs(event: &'static str, output: Output, url: &str) {
    let url = url.to_owned();
    let status = spawn_blocking(move || {
        let folder = TempDir::new().unwrap();
        let mut load = command_with(output, &["load", "calls", "--url", &url, "--pairs=1", "--seconds=2"]);
        let _unread = output.attach(&mut load, &folder.path().join("log"));
        // The result is needed, or `load` fails for a reason of its own.
        load.stdout(Stdio::null()).status().unwrap()
    });
    let status = status.await.unwrap();
    assert!(status.success(), "{event}: load: {status}");
}

/// A closed descriptor is `/dev/null` to the process, which takes every line. An unread pipe takes lines until the
/// queue is full.
async fn expect_lost_lines(event: &str, output: Output, process: &Process) {
    let name = process.service().name();
    let metrics = http::get(&format!("{}/metrics", process.admin_url())).await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(METRIC)).unwrap();
    let lost: u64 = line.trim().parse().unwrap();
    let all = match output {
        Output::AfterShell(closed) if closed.starts_with("exec") => {
            let target = fs::read_link(format!("/proc/{}/fd/2", process.pid())).unwrap();
            assert_eq!(target.to_str(), Some("/dev/null"), "{event}: standard error of {name}");
            false
        }
        Output::UnreadPipe => return,
        _ => true,
    };
    assert_eq!(lost > 0, all, "{event}: {name} counts {lost} lost lines");
}

async fn expect_exit(event: &str, process: &mut Process) {
    let status = process.wait_exit().await;
    assert!(status.success(), "{event}: {}: {status}", process.service().name());
}
