//! A remote user calls a local one.

use super::*;
use crate::calls::leg::INCOMING_CALL_TIMEOUT;

const OVER: [&str; 2] = ["janus 12 detach", "end"];

#[test]
fn proxy_may_call_once_the_callee_is_registered() {
    let mut harness = incoming();
    assert_eq!(harness.place(), ["janus attach"]);
    assert_eq!(harness.attached_local(BOB), ["janus 12 register"]);
    assert_eq!(harness.sent_to_janus.last().unwrap()["body"]["username"], "bob");
    assert_eq!(harness.reply(BOB, "registered"), ["reply yes"]);
    assert_eq!(harness.core_event(BOB, "trickle"), [""; 0]);
    let rings = ["log ringing", "bob joined: incomingcall(alice)+offer, core trickle"];
    assert_eq!(harness.alice_calls(), rings);
    assert_eq!(harness.trickle(Side::Callee, &["x"]), [""; 0]);
    let accept = json!({"request": "accept"});
    assert_eq!(harness.request(Side::Callee, accept, Some("answer")), ["janus 12 accept+answer"]);
    let accepted = ["bob! answered: t/accepted", "log answered", r#"janus 12 trickle ["x"]"#];
    assert_eq!(harness.reply(BOB, "accepted"), accepted);
    assert_eq!(harness.notify(BOB, json!({"event": "update"}), Some("offer")), ["bob: update+offer"]);
    let ended = harness.request(Side::Callee, json!({"request": "hangup", "reason": "bye"}), None);
    let notified = "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(ended, ["janus 12 detach", "end", notified, "log ended (bye)"]);
    harness.assert_clean_with_proxy();
}

#[test]
fn redelivered_place_repeats_the_agreement() {
    let mut harness = incoming();
    harness.place();
    assert_eq!(harness.place(), [""; 0]);
    harness.attached_local(BOB);
    assert_eq!(harness.place(), [""; 0]);
    for mut other in [incoming_agreed(), incoming_ringing(), incoming_answered()] {
        assert_eq!(other.place(), ["reply yes"]);
        assert_eq!(other.calls.count(), 1);
    }
    let mut third = incoming_answered();
    third.client_core_hangup(Side::Callee);
    assert_eq!(third.place(), ["end", "reply 502"]);
}

#[test]
fn remote_caller_that_never_calls_is_dropped_silently() {
    let mut harness = incoming_agreed();
    assert_eq!(harness.advance(INCOMING_CALL_TIMEOUT - Duration::from_millis(1)), [""; 0]);
    assert_eq!(harness.advance(Duration::from_millis(1)), OVER);
    assert_eq!(harness.alice_calls(), [""; 0]);
    harness.assert_clean_with_proxy();
}

#[test]
fn unknown_caller_is_ignored_and_extends_no_timeout() {
    let mut harness = incoming_agreed();
    harness.core_event(BOB, "trickle");
    assert_eq!(harness.incoming_from("mallory"), [""; 0]);
    assert_eq!(harness.remote_hangup(BOB, "mallory", "We did the hangup"), [""; 0]);
    assert_eq!(harness.core_hangup(BOB, "Close PC"), [""; 0]);
    assert_eq!(harness.core_hangup(BOB, "ICE failed"), [""; 0]);
    harness.advance(Duration::from_secs(9));
    harness.core_event(BOB, "trickle");
    assert_eq!(harness.alice_calls()[1], "bob joined: incomingcall(alice)+offer, core trickle");
    assert_eq!(harness.incoming_from("alice"), [""; 0]);
    let mut other = incoming_agreed();
    other.incoming_from("mallory");
    assert_eq!(other.advance(INCOMING_CALL_TIMEOUT), OVER);
    other.assert_clean_with_proxy();
}

/// What Janus 1.1.2 tells bob's handle when alice's proxy hangs up with a reason (recorded).
const HANGUP_STEPS: [fn(&mut Harness) -> Vec<String>; 3] = [
    |harness| harness.remote_hangup(BOB, "alice", "tired"),
    |harness| harness.remote_hangup(BOB, "alice", "Remote WebRTC hangup"),
    |harness| harness.core_hangup(BOB, "Close PC"),
];

#[test]
fn remote_hangup_ends_the_call_once_janus_has_handled_it() {
    let notified =
        "bob left: hangup(alice, tired), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    let ended = ["janus 12 detach", "end", notified, "log ended (caller hung up: tired)"];
    for order in permutations(3) {
        for mut harness in [incoming_ringing(), incoming_answered()] {
            // The reply to the barrier comes after the reason, and may come before the rest.
            let reason_at = order.iter().position(|step| *step == 0).unwrap();
            let (before, after) = order.split_at(reason_at + 1);
            let received: Vec<String> =
                before.iter().flat_map(|step| HANGUP_STEPS[*step](&mut harness)).collect();
            assert_eq!(received, ["janus 12 set"], "{order:?}");
            assert_eq!(harness.reply(BOB, "set"), ended, "{order:?}");
            assert!(after.iter().all(|step| HANGUP_STEPS[*step](&mut harness).is_empty()));
            harness.assert_clean_with_proxy();
        }
    }
}

#[test]
fn remote_loss_without_a_reason_ends_the_call_too() {
    let notified = "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    let log = "log ended (caller lost its PeerConnection: Close PC)";
    for mut harness in [incoming_ringing(), incoming_answered()] {
        assert_eq!(harness.remote_hangup(BOB, "alice", "Remote WebRTC hangup"), ["janus 12 set"]);
        assert_eq!(harness.reply(BOB, "set"), ["janus 12 detach", "end", notified, log]);
        harness.assert_clean_with_proxy();
    }
}

#[test]
fn remote_hangup_ends_the_call_if_the_barrier_fails() {
    let notified =
        "bob left: hangup(alice, tired), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    let ended = ["janus 12 detach", "end", notified, "log ended (caller hung up: tired)"];
    type Step = fn(&mut Harness) -> Vec<String>;
    let failures: [Step; 3] = [
        |harness| harness.advance(Duration::from_millis(300)),
        |harness| harness.refuse(BOB, 459),
        |harness| harness.reply_data(BOB, json!({"error_code": 499, "error": "no"})),
    ];
    for failure in failures {
        let mut harness = incoming_answered();
        harness.remote_hangup(BOB, "alice", "tired");
        assert_eq!(harness.next_timer_ms(), Some(300));
        assert_eq!(harness.advance(Duration::from_millis(0)), [""; 0]);
        assert_eq!(failure(&mut harness), ended);
        assert_eq!(harness.reply(BOB, "set"), [""; 0]);
        harness.assert_clean_with_proxy();
    }
}

#[test]
fn local_end_waits_for_the_barrier_of_a_remote_hangup() {
    let mut harness = incoming_answered();
    harness.remote_hangup(BOB, "alice", "tired");
    assert_eq!(harness.request(Side::Callee, json!({"request": "hangup"}), None), [""; 0]);
    let notified = "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(harness.reply(BOB, "set")[..3], ["janus 12 detach", "end", notified]);
    harness.assert_clean_with_proxy();
}

#[test]
fn local_media_loss_ends_the_call_at_once() {
    let mut harness = incoming_answered();
    let notified = "bob left: hangup(alice, Remote WebRTC hangup), core hangup(DTLS alert)";
    assert_eq!(harness.core_hangup(BOB, "DTLS alert")[..3], ["janus 12 detach", "end", notified]);
}

#[test]
fn ring_timeout_ends_the_call() {
    let time = Duration::from_secs(120);
    let mut harness = incoming_agreed();
    harness.calls.config.policy = CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() };
    harness.advance(Duration::from_secs(9));
    harness.alice_calls();
    assert_eq!(harness.advance(time - Duration::from_millis(1)), [""; 0]);
    let notified = "bob left: hangup(alice, No answer), core hangup(Close PC)";
    assert_eq!(
        harness.advance(Duration::from_millis(1)),
        ["janus 12 detach", "end", notified, "log ended (No answer)"]
    );
    harness.assert_clean();
}

#[test]
fn local_side_can_end_the_call() {
    let mut harness = incoming_answered();
    let notified = "bob left: core hangup(Janus API), hangup(alice, Remote WebRTC hangup)";
    assert_eq!(harness.client_core_hangup(Side::Callee)[..3], ["janus 12 detach", "end", notified]);
    let mut other = incoming_ringing();
    assert_eq!(other.client_gone(Side::Callee)[..3], ["janus 12 detach", "end", "bob left: "]);
    let mut third = incoming_agreed();
    assert_eq!(third.client_gone(Side::Callee), OVER);
    third.assert_clean_with_proxy();
}
