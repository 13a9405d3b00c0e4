//! The executable as an operator meets it: what it prints, and how it ends.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Nobody listens there.
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

    /// The next line of its output that has these words.
    fn prints(&mut self, words: &str) -> String {
        line_with(words, BufReader::new(self.0.stdout.as_mut().unwrap()))
    }

    /// The next line of its log that has these words.
    fn logs(&mut self, words: &str) -> String {
        line_with(words, BufReader::new(self.0.stderr.as_mut().unwrap()))
    }

    fn terminate(&mut self) {
        let told = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        assert!(told.unwrap().success());
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    fn last_words(&mut self) -> String {
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

fn line_with(words: &str, lines: impl BufRead) -> String {
    let found = lines.lines().map(Result::unwrap).find(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("it ended without saying {words:?}"))
}

#[test]
fn standalone_says_where_it_is_and_ends_when_asked() {
    let mut process = Process::standalone(&["--rest-listen", "127.0.0.1:0"]);
    assert!(process.prints("Demo page").contains("http://127.0.0.1:"));
    process.terminate();
    assert_eq!(process.code(), Some(0));
}

#[test]
fn a_service_waits_for_its_redis_and_ends_when_asked() {
    let mut process =
        Process::start(&["edge", "--listen", "127.0.0.1:0", "--redis", "redis://u:secret@127.0.0.1:1"]);
    let line = process.logs("waiting for Redis");
    assert!(!line.contains("secret"), "{line}");
    process.terminate();
    assert_eq!(process.code(), Some(0));
}

#[test]
fn a_redis_address_that_makes_no_sense_ends_it_without_telling_the_password() {
    let mut process = Process::start(&["router", "--redis", "redis:/u:secret@host"]);
    assert_eq!(process.code(), Some(1));
    let words = process.last_words();
    assert!(words.contains("invalid --redis") && !words.contains("secret"), "{words}");
}

#[test]
fn an_address_that_is_taken_is_told_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut process = Process::standalone(&["--rest-listen", &address]);
    assert_eq!(process.code(), Some(1));
    let words = process.last_words();
    assert!(words.contains(&format!("switchboard: --rest-listen {address}: ")), "{words}");
}

#[test]
fn http_is_not_served_to_other_machines_without_a_secret() {
    let open = "0.0.0.0:0";
    let mut alone = Process::standalone(&["--rest-listen", open]);
    let mut rest = Process::start(&["rest", "--listen", open, "--redis", "redis://127.0.0.1:1"]);
    for process in [&mut alone, &mut rest] {
        assert_eq!(process.code(), Some(1));
        let words = process.last_words();
        assert!(words.contains("without a secret: set --rest-secret"), "{words}");
    }
    let mut guarded = Process::standalone(&["--rest-listen", open, "--rest-secret", "hunter2"]);
    guarded.prints("Demo page");
    guarded.terminate();
    assert_eq!(guarded.code(), Some(0));
}

#[test]
fn networks_and_addresses_of_peers_that_make_no_sense_are_told() {
    for (flag, words) in [("--proxy-allow=10.0.0.0/33", "10.0.0.0/8"), ("--proxy-url=ftp://h", "http://")] {
        let mut process = Process::standalone(&["--rest-listen", "127.0.0.1:0", flag]);
        assert_eq!(process.code(), Some(2));
        assert!(process.last_words().contains(words), "{flag}");
    }
    let lists =
        ["--rest-listen", "127.0.0.1:0", "--proxy-allow", "10.0.0.0/8,fd00::/8", "--proxy-allow", "::1"];
    let mut process = Process::standalone(&lists);
    process.prints("Demo page");
}

#[test]
fn a_filter_of_the_log_that_makes_no_sense_is_told() {
    let mut process = Process::standalone(&["--log", "edge=loud"]);
    assert_eq!(process.code(), Some(1));
    assert!(process.last_words().contains("invalid --log \"edge=loud\""));
}

#[test]
fn standalone_without_a_janus_says_how_to_name_one() {
    let mut process = Process::start(&["standalone"]);
    assert_eq!(process.code(), Some(1));
    assert!(process.last_words().contains("--backend NAME=ws://HOST:PORT"));
}
