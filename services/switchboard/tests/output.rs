//! Standard output and standard error that take nothing: the exit code of each command is its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::output::LOST;
use testkit::process::command_with;
use testkit::{Client, MedialessJanus, Output, Process, Service, eventually};

const NO_JANUS: &str = "--backend=a=ws://127.0.0.1:1";

/// Returns the exit code of a command with this standard error.
fn code(standard_error: Output, args: &[&str]) -> Option<i32> {
    let mut command = command_with(standard_error, args);
    let _unread = standard_error.attach(&mut command, Path::new("/dev/null"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().code()
}

#[test]
fn exit_code_does_not_depend_on_standard_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("--listen={}", taken.local_addr().unwrap());
    let commands: [(i32, &[&str]); 5] = [
        (1, &["edge", "--redis=redis://127.0.0.1:1", &taken]),
        (1, &["standalone", NO_JANUS, "--rest-listen=127.0.0.1:0", &taken]),
        (1, &["health", "--admin-listen=127.0.0.1:1"]),
        (2, &["router", "--no-such-flag"]),
        (0, &["--version"]),
    ];
    for (name, output) in LOST {
        for (expected, args) in commands {
            assert_eq!(code(output, args), Some(expected), "{name}: {args:?}");
        }
    }
}

/// Starts a command with this standard output.
fn with_standard_output(output: Output, args: &[&str]) -> (Child, impl Sized) {
    let mut command = command_with(output, args);
    let unread = output.attach(&mut command, Path::new("/dev/null"));
    (command.stderr(Stdio::piped()).spawn().unwrap(), unread)
}

fn finish(output: Output, args: &[&str]) -> (Option<i32>, String) {
    let ended = with_standard_output(output, args).0.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_handle_a_standard_output_that_takes_nothing() {
    let janus = MedialessJanus::start().await;
    let backend = format!("--backend=a={}", janus.url());
    let process = Process::start(Service::Standalone, &[&backend]).await;
    let admin = process.admin_url();
    let health = ["health", "--admin-listen", admin.strip_prefix("http://").unwrap()];
    let url = process.url();
    let load = ["load", "calls", "--quiet", "--pairs=1", "--seconds=1", "--url", url.as_str()];
    for (name, output) in [("full disk", Output::FullDisk), ("closed pipe", Output::ClosedPipe)] {
        assert_eq!(finish(output, &health), (Some(0), String::new()), "health: {name}");
    }
    assert_eq!(finish(Output::ClosedPipe, &load), (Some(0), String::new()));
    let (code, error) = finish(Output::FullDisk, &load);
    assert_eq!(code, Some(1));
    assert!(error.starts_with("switchboard: failed to write the output: "), "{error}");
}

#[tokio::test]
async fn load_with_an_unread_output_stops_on_a_signal() {
    let janus = MedialessJanus::start().await;
    let backend = format!("--backend=a={}", janus.url());
    let process = Process::start(Service::Standalone, &[&backend]).await;
    let url = process.url();
    let args = ["load", "idle", "--clients=1", "--seconds=0", "--name-prefix=idle", "--url", url.as_str()];
    let (mut load, _unread) = with_standard_output(Output::UnreadPipe, &args);
    let mut client = Client::attached(&url).await;
    eventually("the client of the load is registered", async || {
        let list = client.request_plugin(serde_json::json!({"request": "list"}), None).await;
        list.to_string().contains("idle")
    })
    .await;
    let sent = Command::new("kill").arg(load.id().to_string()).status().unwrap();
    assert!(sent.success());
    let begun = std::time::Instant::now();
    eventually("the load ends", async || load.try_wait().unwrap().is_some()).await;
    assert_eq!(load.wait().unwrap().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
