//! Janus does not reply: the call ends after the timeout of the request.

use super::*;
use crate::calls::janus_state::JANUS_TIMEOUT;

const MOMENT: Duration = Duration::from_millis(1);

/// The actions when Janus never replies to the last request.
fn time_out(mut harness: Harness) -> Vec<String> {
    assert_eq!(harness.advance(JANUS_TIMEOUT - MOMENT), [""; 0]);
    let mut ended = harness.advance(MOMENT);
    assert_eq!(ended.remove(0), "timeout");
    harness.assert_clean();
    ended
}

#[test]
fn caller_is_refused_when_any_setup_step_times_out() {
    let refused = |handles: &[&str]| {
        let notified = ["end", "alice! left: c/error 502"];
        handles.iter().chain(&notified).map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    let mut half_attached = attaching();
    half_attached.attached(Side::Callee);
    let mut half_registered = registering();
    half_registered.reply(BOB, "registered");
    for (harness, handles) in [
        (attaching(), &[][..]),
        (half_attached, &["janus 12 detach"]),
        (registering(), &["janus 11 detach", "janus 12 detach"]),
        (half_registered, &["janus 11 detach", "janus 12 detach"]),
        (calling(), &["janus 11 detach", "janus 12 detach"]),
    ] {
        assert_eq!(time_out(harness), refused(handles));
    }
}

#[test]
fn each_setup_step_has_the_full_timeout() {
    let mut harness = attaching();
    let steps: [fn(&mut Harness) -> Vec<String>; 4] = [
        |it| it.attached(Side::Caller),
        |it| it.attached(Side::Callee),
        |it| it.reply(ALICE, "registered"),
        |it| it.reply(BOB, "registered"),
    ];
    for step in steps {
        assert_eq!(harness.advance(JANUS_TIMEOUT / 2 - MOMENT), [""; 0]);
        step(&mut harness);
    }
    assert_eq!(harness.calls.count(), 1);
}

#[test]
fn ringing_callee_is_notified_when_the_call_times_out() {
    let mut harness = calling();
    harness.incoming();
    assert_eq!(
        time_out(harness)[2..],
        [
            "end",
            "alice! left: c/error 502",
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "log ended (refused by the media server)",
        ]
    );
}

#[test]
fn unanswered_request_ends_the_call() {
    let mut harness = talking();
    harness.request(Side::Callee, json!({"request": "set"}), None);
    let reason = "The media server does not answer";
    assert_eq!(
        time_out(harness)[2..],
        [
            "end".to_owned(),
            format!("alice left: hangup(bob, {reason}), core hangup({reason})"),
            format!("bob left: hangup(alice, {reason}), core hangup({reason})"),
            format!("log ended ({reason})"),
        ]
    );
}

#[test]
fn call_has_no_time_limit_by_default() {
    for mut harness in [ringing(), talking()] {
        assert_eq!(harness.advance(Duration::from_secs(36_000)), [""; 0]);
        assert_eq!(harness.calls.count(), 1);
    }
}

#[test]
fn ring_timeout_ends_the_call() {
    let time = Duration::from_secs(120);
    let mut harness = connected();
    harness.calls.config.policy = CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() };
    harness.ring();
    harness.trickle(Side::Caller, &["a"]);
    assert_eq!(harness.advance(time - MOMENT), [""; 0]);
    assert_eq!(
        harness.advance(MOMENT)[2..],
        [
            "end",
            "alice left: hangup(bob, No answer), core hangup(Close PC)",
            "bob left: hangup(alice, No answer), core hangup(Close PC)",
            "log ended (No answer)",
        ]
    );
    harness.assert_clean();
}

#[test]
fn accepted_call_has_no_ring_timeout() {
    let mut harness = connected();
    harness.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    harness.ring();
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.reply(BOB, "accepted");
    assert_eq!(harness.advance(JANUS_TIMEOUT * 2), [""; 0]);
    assert_eq!((harness.calls.count(), harness.next_timer_ms()), (1, None));
}

#[test]
fn handle_attached_after_the_timeout_is_detached() {
    let mut harness = attaching();
    harness.attached(Side::Caller);
    assert_eq!(harness.advance(JANUS_TIMEOUT)[..3], ["timeout", "janus 11 detach", "end"]);
    assert_eq!(harness.attached(Side::Callee), ["janus 12 detach"]);
    harness.assert_clean();
}
