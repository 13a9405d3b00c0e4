//! The executable: what it prints, and its exit code.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// The port has no listener.
const NO_JANUS: [&str; 3] = ["standalone", "--backend", "a=ws://127.0.0.1:1"];

struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in
            std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("SWITCHBOARD_"))
        {
            command.env_remove(name);
        }
        Self(command.spawn().unwrap())
    }

    fn standalone(args: &[&str]) -> Self {
        Self::start(&[&NO_JANUS[..], &["--listen", "127.0.0.1:0"], args].concat())
    }

    /// Returns the next line of its output with this text.
    fn wait_for_output(&mut self, text: &str) -> String {
        line_with(text, BufReader::new(self.0.stdout.as_mut().unwrap()))
    }

    /// Returns the next line of its log with this text.
    fn wait_for_log(&mut self, text: &str) -> String {
        line_with(text, BufReader::new(self.0.stderr.as_mut().unwrap()))
    }

    fn terminate(&mut self) {
        let sent = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    fn remaining_log(&mut self) -> String {
        let mut text = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn line_with(text: &str, lines: impl BufRead) -> String {
    let found = lines.lines().map(Result::unwrap).find(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("it ended without {text:?}"))
}

#[test]
fn standalone_prints_its_addresses_and_stops_on_a_signal() {
    let mut process = Process::standalone(&["--rest-listen", "127.0.0.1:0"]);
    assert!(process.wait_for_output("Demo page").contains("http://127.0.0.1:"));
    process.terminate();
    assert_eq!(process.code(), Some(0));
}

#[test]
fn service_waits_for_redis_and_stops_on_a_signal() {
    let mut process =
        Process::start(&["edge", "--listen", "127.0.0.1:0", "--redis", "redis://u:secret@127.0.0.1:1"]);
    let line = process.wait_for_log("failed to connect to Redis, retrying");
    assert!(!line.contains("secret"), "{line}");
    process.terminate();
    assert_eq!(process.code(), Some(0));
}

#[test]
fn invalid_redis_url_is_an_error_without_the_password() {
    let mut process = Process::start(&["router", "--redis", "redis:/u:secret@host"]);
    assert_eq!(process.code(), Some(1));
    let log = process.remaining_log();
    assert!(log.contains("invalid --redis") && !log.contains("secret"), "{log}");
}

#[test]
fn address_in_use_is_an_error_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut process = Process::standalone(&["--rest-listen", &address]);
    assert_eq!(process.code(), Some(1));
    let log = process.remaining_log();
    assert!(log.contains(&format!("switchboard: --rest-listen {address}: ")), "{log}");
}

#[test]
fn rest_needs_a_secret_beyond_loopback() {
    let open = "0.0.0.0:0";
    let mut standalone = Process::standalone(&["--rest-listen", open]);
    let mut rest = Process::start(&["rest", "--listen", open, "--redis", "redis://127.0.0.1:1"]);
    for process in [&mut standalone, &mut rest] {
        assert_eq!(process.code(), Some(1));
        let log = process.remaining_log();
        assert!(log.contains("without a secret: set --rest-secret"), "{log}");
    }
    let mut guarded = Process::standalone(&["--rest-listen", open, "--rest-secret", "long and random"]);
    guarded.wait_for_output("Demo page");
    guarded.terminate();
    assert_eq!(guarded.code(), Some(0));
}

#[test]
fn secret_that_is_guessed_soon_is_refused_beyond_loopback() {
    let open = "0.0.0.0:0";
    let redis = ["--redis", "redis://127.0.0.1:1"];
    for (service, flag) in [
        ("rest", "--rest-secret"),
        ("rest", "--drain-secret"),
        ("edge", "--api-secret"),
        ("edge", "--token-auth-secret"),
    ] {
        let mut secrets = vec![flag, "x"];
        if flag == "--drain-secret" {
            secrets.extend(["--rest-secret", "long and random"]);
        }
        let mut process = Process::start(&[&[service, "--listen", open], &redis[..], &secrets].concat());
        assert_eq!(process.code(), Some(1), "{flag}");
        let log = process.remaining_log();
        assert!(log.contains(&format!("switchboard: {flag} is too easy to guess for 0.0.0.0:")), "{log}");
    }
    let mut local = Process::standalone(&["--rest-listen", "127.0.0.1:0", "--api-secret", "x"]);
    local.wait_for_output("Demo page");
}

#[test]
fn invalid_proxy_flags_are_errors() {
    for (flag, text) in [
        ("--proxy-allow=10.0.0.0/33", "10.0.0.0/8"),
        ("--proxy-url=ftp://h", "http://"),
        ("--allow-origin=app.example.org", "https://app.example.org"),
    ] {
        let mut process = Process::standalone(&["--rest-listen", "127.0.0.1:0", flag]);
        assert_eq!(process.code(), Some(2));
        assert!(process.remaining_log().contains(text), "{flag}");
    }
    let lists =
        ["--rest-listen", "127.0.0.1:0", "--proxy-allow", "10.0.0.0/8,fd00::/8", "--proxy-allow", "::1"];
    let mut process = Process::standalone(&lists);
    process.wait_for_output("Demo page");
}

#[test]
fn invalid_log_filter_is_an_error() {
    let mut process = Process::standalone(&["--log", "edge=loud"]);
    assert_eq!(process.code(), Some(1));
    assert!(process.remaining_log().contains("invalid --log \"edge=loud\""));
}

#[test]
fn standalone_needs_a_backend() {
    let mut process = Process::start(&["standalone"]);
    assert_eq!(process.code(), Some(1));
    assert!(process.remaining_log().contains("--backend NAME=ws://HOST:PORT"));
}
