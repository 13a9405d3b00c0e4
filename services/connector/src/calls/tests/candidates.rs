//! Candidates of clients reach Janus after the answer, in order.

use super::*;

#[test]
fn candidates_are_held_until_the_call_is_accepted() {
    let mut harness = ringing();
    assert_eq!(harness.trickle(Side::Caller, &["a", "b"]), [""; 0]);
    assert_eq!(harness.trickle(Side::Callee, &["x"]), [""; 0]);
    assert_eq!(harness.trickle(Side::Caller, &["c"]), [""; 0]);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(harness.trickle(Side::Callee, &["y"]), [""; 0]);
    assert_eq!(
        harness.reply(BOB, "accepted"),
        [
            "bob! answered: t/accepted",
            "log answered",
            r#"janus 11 trickle ["a","b","c"]"#,
            r#"janus 12 trickle ["x","y"]"#
        ]
    );
    assert_eq!(harness.trickle(Side::Caller, &["d"]), [r#"janus 11 trickle ["d"]"#]);
    assert_eq!(harness.trickle(Side::Callee, &["z"]), [r#"janus 12 trickle ["z"]"#]);
}

#[test]
fn candidates_wait_until_the_accept_is_acknowledged() {
    let mut harness = ringing();
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.notify(ALICE, json!({"event": "accepted"}), Some("answer"));
    assert_eq!(harness.trickle(Side::Caller, &["a"]), [""; 0]);
    let received = harness.reply(BOB, "accepted");
    assert_eq!(received, ["bob! answered: t/accepted", "log answered", r#"janus 11 trickle ["a"]"#]);
}

#[test]
fn oldest_candidates_are_dropped_when_too_many_wait() {
    let mut harness = ringing();
    let many: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    harness.trickle(Side::Caller, &many[..300]);
    harness.trickle(Side::Caller, &many[300..]);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.reply(BOB, "accepted");
    let sent = harness.sent_to_janus.last().unwrap()["candidates"].as_array().unwrap();
    assert_eq!((sent.len(), &sent[0], sent.last().unwrap()), (512, &json!("88"), &json!("599")));
}

#[test]
fn candidates_of_unknown_calls_are_ignored() {
    let mut harness = connected();
    assert_eq!(harness.trickle(Side::Caller, &["a"]), [""; 0]);
    let mut other = talking();
    other.client_core_hangup(Side::Caller);
    assert_eq!(other.trickle(Side::Callee, &["a"]), [""; 0]);
}

#[test]
fn early_janus_candidates_are_sent_with_the_call() {
    let mut harness = calling();
    assert_eq!(harness.core_event(BOB, "trickle"), [""; 0]);
    assert_eq!(harness.core_event(ALICE, "trickle"), [""; 0]);
    assert_eq!(harness.core_event(ALICE, "trickle"), [""; 0]);
    assert_eq!(harness.next_timer_ms(), Some(crate::calls::janus_state::JANUS_TIMEOUT.as_millis()));
    let incoming = harness.incoming();
    assert_eq!(incoming, ["log ringing", "bob joined: incomingcall(alice)+offer, core trickle"]);
    let calling = harness.reply(ALICE, "calling");
    assert_eq!(calling, ["alice! joined: c/calling, core trickle, core trickle"]);
}
