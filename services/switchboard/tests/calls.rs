//! `switchboard calls` as a process, beside a real Redis.
#![allow(clippy::unwrap_used, missing_docs)]

use bus::Bus;
use bus::message::{CallEvent, CallRecord, StepDurations};
use common::CallId;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use testkit::redis::Redis;

fn command(redis: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    for (name, _) in std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("SWITCHBOARD_")) {
        command.env_remove(name);
    }
    command.args(["calls", "--redis", redis]).args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

/// `calls --follow`; stopped when dropped.
struct Follower(Child, BufReader<ChildStdout>);

impl Follower {
    fn start(redis: &Redis, flags: &[&str]) -> Self {
        let mut child = command(&redis.url(), flags).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self(child, out)
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        assert!(self.1.read_line(&mut line).unwrap() > 0, "it ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn log(bus: &Bus, number: u64) {
    bus.log_calls(&[record(number)]).await.unwrap();
}

fn record(number: u64) -> CallRecord {
    CallRecord {
        call: CallId::fresh(),
        event: CallEvent::Ended,
        caller: "alice".to_owned(),
        callee: "bob".to_owned(),
        backend: "a".into(),
        steps: StepDurations::default(),
        kind: None,
        reason: Some(format!("reason {number}")),
        duration_ms: Some(number * 1_000),
    }
}

#[tokio::test]
async fn newest_hundred_events_are_printed() {
    let redis = Redis::start().await;
    assert_eq!(lines(&command(&redis.url(), &[]).output().unwrap()), [""; 0]);
    let bus = Bus::redis(&redis.url()).await.unwrap();
    for number in 0..103 {
        log(&bus, number).await;
    }
    let printed = lines(&command(&redis.url(), &[]).output().unwrap());
    assert_eq!(printed.len(), 100);
    assert!(printed[0].ends_with("alice -> bob a ended reason 3 3.000 s"), "{}", printed[0]);
    let json = lines(&command(&redis.url(), &["--json"]).output().unwrap());
    assert!(json.len() == 100 && json[99].contains(r#""duration_ms":102000"#), "{}", json[99]);
}

#[tokio::test]
async fn follow_prints_new_events() {
    let mut redis = Redis::start().await;
    let bus = Bus::redis(&redis.url()).await.unwrap();
    log(&bus, 0).await;
    let (mut text, mut json) =
        (Follower::start(&redis, &["--follow"]), Follower::start(&redis, &["--follow", "--json"]));
    for number in 0..3 {
        assert!(text.next().ends_with(&format!("reason {number} {number}.000 s")));
        assert!(json.next().contains(&format!(r#""reason":"reason {number}""#)));
        log(&bus, number + 1).await;
    }
    redis.restart().await;
    let new_bus = Bus::redis(&redis.url()).await.unwrap();
    log(&new_bus, 9).await;
    let last = std::iter::repeat_with(|| text.next()).take(2).find(|line| line.contains("reason 9"));
    assert!(last.is_some(), "no event after a restart of Redis");
}

#[tokio::test]
async fn follow_ends_when_its_output_is_closed() {
    let redis = Redis::start().await;
    let bus = Bus::redis(&redis.url()).await.unwrap();
    let mut child = command(&redis.url(), &["--follow"]).spawn().unwrap();
    drop(child.stdout.take());
    log(&bus, 0).await;
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn error_about_redis_hides_the_password() {
    let output = command("redis://u:secret@127.0.0.1:1", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("redis://127.0.0.1:1 does not answer") && !stderr.contains("secret"), "{stderr}");
}

/// A name that reads `alice`, and what it really is.
const HIDDEN: &str = "a\u{200b}l\u{fe0f}\u{202e}eci\u{202c}\u{9b}2J\u{1b}[2J\u{2028}\u{e0041}";

#[tokio::test]
async fn hidden_characters_of_names_and_reasons_are_escaped() {
    let redis = Redis::start().await;
    let bus = Bus::redis(&redis.url()).await.unwrap();
    let named = CallRecord { caller: HIDDEN.to_owned(), reason: Some(HIDDEN.to_owned()), ..record(1) };
    bus.log_calls(std::slice::from_ref(&named)).await.unwrap();
    let call = named.call.to_string();
    for flags in [vec![], vec!["--json"]] {
        let of_all = lines(&command(&redis.url(), &flags).output().unwrap()).concat();
        let mut trace = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        trace.args(["trace", "--redis", &redis.url(), &call]).args(&flags);
        let of_one = lines(&trace.output().unwrap()).concat();
        for printed in [of_all, of_one] {
            let hidden: Vec<char> = HIDDEN.chars().filter(|it| !it.is_ascii_graphic()).collect();
            assert!(!printed.contains(&hidden[..]), "{printed:?}");
            let escape = if flags.is_empty() { "\\u{202e}" } else { "\\u202e" };
            assert!(printed.contains(escape), "{printed}");
        }
    }
    let json = lines(&command(&redis.url(), &["--json"]).output().unwrap());
    let value: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!((&value["caller"], &value["reason"]), (&HIDDEN.into(), &HIDDEN.into()));
}
