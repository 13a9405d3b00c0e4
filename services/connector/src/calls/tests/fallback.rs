//! A call that fails before it rings is handed over for another backend, and nobody learns of it.

use super::*;
use crate::calls::attempt::Admission;
use crate::calls::fallback::CANDIDATES_TIMEOUT;
use crate::calls::janus_state::JANUS_TIMEOUT;
use bus::message::{FailedAttempt, Location};

const HANDED_OVER: [&str; 2] = ["end", "second attempt for bob"];

fn with_fallback(mut harness: Harness) -> Harness {
    let berlin = Location { location: "berlin".to_owned(), isp: String::new() };
    harness.place.fallback = Some(berlin);
    harness
}

fn calling_with_fallback() -> Harness {
    let mut harness = with_fallback(connected());
    harness.set_up();
    harness
}

fn attach_error(harness: &mut Harness) -> Vec<String> {
    let transaction = harness.transaction(|it| it["janus"] == "attach");
    harness
        .janus(json!({"janus": "error", "transaction": transaction, "error": {"code": 461, "reason": "no"}}))
}

fn candidate(harness: &mut Harness, handle: u64) -> Vec<String> {
    harness.core_event(handle, "trickle")
}

/// The second half of what is done, without the requests to Janus.
fn outcome(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.starts_with("janus")).collect()
}

#[test]
fn failed_attach_is_tried_elsewhere() {
    let mut harness = with_fallback(connected());
    harness.place();
    assert_eq!(outcome(attach_error(&mut harness)), HANDED_OVER);
    assert_eq!(harness.reports, ["fails for 1: attach"]);
    harness.assert_clean();
}

#[test]
fn second_attempt_is_the_same_call_for_the_client() {
    let mut harness = with_fallback(connected());
    let first = MessageId::fresh();
    harness.place.request = Some(first);
    harness.place();
    attach_error(&mut harness);
    let second = harness.second_attempt.take().unwrap();
    let failed = FailedAttempt { request: first, backend: BackendName::from("a") };
    assert_eq!((second.call, second.request.failed), (harness.call.second_attempt(), Some(failed)));
    assert_eq!(second.request.jsep.unwrap().get(), jsep("offer").get());
    assert_eq!(second.request.body.get(), r#"{"request":"call","username":"bob"}"#);
    assert_eq!((second.request.transaction.as_str(), second.request.from.session.0), ("c", 1));
    assert_eq!(second.request.location.location, "berlin");
}

#[test]
fn only_failures_of_the_backend_are_tried_elsewhere() {
    for (code, is_of_backend) in
        [(465, false), (464, false), (469, false), (490, true), (462, true), (403, true)]
    {
        let mut harness = calling_with_fallback();
        let lines = outcome(harness.refuse(ALICE, code));
        assert_eq!(lines == HANDED_OVER, is_of_backend, "{code}: {lines:?}");
        assert_eq!(harness.reports.len(), usize::from(is_of_backend), "{code}");
        harness.assert_clean();
    }
    for (code, is_of_backend) in [(482, false), (483, false), (499, true), (478, true)] {
        let mut harness = calling_with_fallback();
        let lines = outcome(harness.reply_data(ALICE, json!({"error_code": code, "error": "no"})));
        assert_eq!(lines == HANDED_OVER, is_of_backend, "{code}: {lines:?}");
        harness.assert_clean();
    }
}

#[test]
fn failed_register_is_tried_elsewhere() {
    let mut harness = with_fallback(connected());
    harness.place();
    harness.attached(Side::Caller);
    harness.attached(Side::Callee);
    assert_eq!(outcome(harness.reply_data(BOB, json!({"error_code": 499, "error": "no"}))), HANDED_OVER);
    assert_eq!(harness.reports, ["fails for 1: register"]);
    harness.assert_clean();
}

#[test]
fn call_rings_once_both_sides_have_candidates() {
    let mut harness = calling_with_fallback();
    assert_eq!(candidate(&mut harness, ALICE), [""; 0]);
    assert_eq!(harness.incoming(), [""; 0]);
    assert_eq!(harness.reply(ALICE, "calling"), [""; 0]);
    let rings = candidate(&mut harness, BOB);
    let expected = [
        "log ringing",
        "bob joined: incomingcall(alice)+offer, core trickle",
        "alice! joined: c/calling, core trickle",
    ];
    assert_eq!(rings, expected);
    assert_eq!(harness.reports, ["works for 1"]);
    assert!(!harness.janus_down().iter().any(|line| line.starts_with("second attempt")), "it has rung");
    harness.assert_clean();
}

#[test]
fn call_rings_after_a_while_without_candidates() {
    let mut harness = calling_with_fallback();
    harness.incoming();
    harness.reply(ALICE, "calling");
    assert_eq!(harness.advance(CANDIDATES_TIMEOUT - Duration::from_millis(1)), [""; 0]);
    let rings = harness.advance(Duration::from_millis(1));
    assert_eq!(rings, ["log ringing", "bob joined: incomingcall(alice)+offer", "alice! joined: c/calling"]);
    assert_eq!(harness.reports, [""; 0], "nothing is certain yet");
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.reply(BOB, "accepted");
    assert_eq!(harness.reports, ["works for 1"]);
}

#[test]
fn ice_error_is_tried_elsewhere() {
    for failing in [ALICE, BOB] {
        let mut harness = calling_with_fallback();
        harness.incoming();
        harness.reply(ALICE, "calling");
        candidate(&mut harness, if failing == ALICE { BOB } else { ALICE });
        let gone = if failing == ALICE { Side::Caller } else { Side::Callee };
        harness.plugin_hangup(if failing == ALICE { BOB } else { ALICE }, gone);
        assert_eq!(harness.advance(CANDIDATES_TIMEOUT), [""; 0], "the reason is awaited");
        assert_eq!(outcome(harness.core_hangup(failing, "ICE gathering error")), HANDED_OVER);
        assert_eq!(harness.reports, ["fails for 1: ice"]);
        harness.assert_clean();
    }
}

#[test]
fn ice_error_of_a_ringing_call_is_reported() {
    let mut harness = ringing();
    harness.core_hangup(BOB, "ICE gathering error");
    assert_eq!(harness.reports, ["fails for 1: ice"]);
    let mut established = talking();
    established.core_hangup(BOB, "ICE gathering error");
    assert!(!established.reports.iter().any(|report| report.starts_with("fails")));
}

#[test]
fn silence_before_the_offer_is_tried_elsewhere() {
    let mut harness = with_fallback(connected());
    harness.place();
    let lines = outcome(harness.advance(JANUS_TIMEOUT));
    assert_eq!(lines, ["timeout", "end", "second attempt for bob"]);
    let mut offered = calling_with_fallback();
    assert!(offered.advance(JANUS_TIMEOUT).contains(&"alice! left: c/error 502".to_owned()));
}

#[test]
fn lost_link_moves_calls_that_have_not_rung() {
    let mut harness = calling_with_fallback();
    assert_eq!(harness.janus_down(), HANDED_OVER);
    assert_eq!(harness.reports, [""; 0]);
    let mut unconnected = with_fallback(connected());
    unconnected.janus_down();
    assert_eq!(unconnected.place(), HANDED_OVER);
}

#[test]
fn half_open_backend_takes_a_few_calls_at_a_time() {
    let mut harness = with_fallback(connected());
    harness.calls.set_admission(Admission::Trials(1));
    assert_eq!(harness.place(), ["janus attach", "janus attach"]);
    harness.call = CallId::fresh();
    assert_eq!(harness.place(), HANDED_OVER);
    harness.place.fallback = None;
    harness.call = CallId::fresh();
    assert_eq!(harness.place(), ["janus attach", "janus attach"], "there is no other backend");
}

#[test]
fn open_backend_takes_no_call_that_has_a_fallback() {
    let mut harness = with_fallback(connected());
    harness.calls.set_admission(Admission::None);
    assert_eq!(harness.place(), HANDED_OVER);
    assert_eq!(harness.reports, [""; 0]);
    harness.assert_clean();
}

#[test]
fn expired_call_is_not_tried_elsewhere() {
    let mut harness = with_fallback(connected());
    assert!(!harness.place_expired().iter().any(|line| line.starts_with("second attempt")));
}
