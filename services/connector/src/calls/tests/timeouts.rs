//! Janus does not answer: nobody waits longer than the connector's patience.

use super::*;
use crate::calls::transactions::JANUS_TIMEOUT;

const MOMENT: Duration = Duration::from_millis(1);

/// What follows when the last thing asked is never answered.
fn waits(mut bench: Bench) -> Vec<String> {
    assert_eq!(bench.after(JANUS_TIMEOUT - MOMENT), [""; 0]);
    let mut ended = bench.after(MOMENT);
    assert_eq!(ended.remove(0), "unanswered");
    bench.is_clean();
    ended
}

#[test]
fn a_caller_is_refused_when_janus_is_silent_at_any_step() {
    let refused = |handles: &[&str]| {
        let told = ["end", "alice! left: c/error 502"];
        handles.iter().chain(&told).map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    let mut half_attached = attaching();
    half_attached.is_attached(Side::Callee);
    let mut half_registered = registering();
    half_registered.replies(BOB, "registered");
    for (bench, handles) in [
        (attaching(), &[][..]),
        (half_attached, &["janus 12 detach"]),
        (registering(), &["janus 11 detach", "janus 12 detach"]),
        (half_registered, &["janus 11 detach", "janus 12 detach"]),
        (calling(), &["janus 11 detach", "janus 12 detach"]),
    ] {
        assert_eq!(waits(bench), refused(handles));
    }
}

#[test]
fn each_step_has_the_whole_patience() {
    let mut bench = attaching();
    let steps: [fn(&mut Bench) -> Vec<String>; 4] = [
        |bench| bench.is_attached(Side::Caller),
        |bench| bench.is_attached(Side::Callee),
        |bench| bench.replies(ALICE, "registered"),
        |bench| bench.replies(BOB, "registered"),
    ];
    for step in steps {
        assert_eq!(bench.after(JANUS_TIMEOUT / 2 - MOMENT), [""; 0]);
        step(&mut bench);
    }
    assert_eq!(bench.calls.count(), 1);
}

#[test]
fn a_callee_that_rang_hears_the_end_when_the_caller_is_never_answered() {
    let mut bench = calling();
    bench.incoming();
    assert_eq!(
        waits(bench)[2..],
        [
            "end",
            "alice! left: c/error 502",
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "log ended (refused by the media server)",
        ]
    );
}

#[test]
fn a_call_whose_request_is_never_answered_ends_for_both() {
    let mut bench = talking();
    bench.asks(Side::Callee, json!({"request": "set"}), None);
    let reason = "The media server does not answer";
    assert_eq!(
        waits(bench)[2..],
        [
            "end".to_owned(),
            format!("alice left: hangup(bob, {reason}), core hangup({reason})"),
            format!("bob left: hangup(alice, {reason}), core hangup({reason})"),
            format!("log ended ({reason})"),
        ]
    );
}

#[test]
fn a_call_rings_and_lasts_as_long_as_it_likes() {
    for mut bench in [ringing(), talking()] {
        assert_eq!(bench.after(Duration::from_secs(36_000)), [""; 0]);
        assert_eq!(bench.calls.count(), 1);
    }
}

#[test]
fn a_call_that_nobody_accepts_in_time_ends_for_both() {
    let time = Duration::from_secs(120);
    let mut bench = up();
    bench.calls.config.policy = CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() };
    bench.rings();
    bench.trickles(Side::Caller, &["a"]);
    assert_eq!(bench.after(time - MOMENT), [""; 0]);
    assert_eq!(
        bench.after(MOMENT)[2..],
        [
            "end",
            "alice left: hangup(bob, No answer), core hangup(Close PC)",
            "bob left: hangup(alice, No answer), core hangup(Close PC)",
            "log ended (No answer)",
        ]
    );
    bench.is_clean();
}

#[test]
fn an_accepted_call_does_not_ring_any_more() {
    let mut bench = up();
    bench.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    bench.rings();
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.replies(BOB, "accepted");
    assert_eq!(bench.after(JANUS_TIMEOUT * 2), [""; 0]);
    assert_eq!((bench.calls.count(), bench.due_in()), (1, None));
}

#[test]
fn a_handle_that_comes_too_late_is_given_back() {
    let mut bench = attaching();
    bench.is_attached(Side::Caller);
    assert_eq!(bench.after(JANUS_TIMEOUT)[..3], ["unanswered", "janus 11 detach", "end"]);
    assert_eq!(bench.is_attached(Side::Callee), ["janus 12 detach"]);
    bench.is_clean();
}
