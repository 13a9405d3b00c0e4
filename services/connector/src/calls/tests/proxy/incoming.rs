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

#[test]
fn remote_hangup_ends_the_call_with_its_reason() {
    let notified =
        "bob left: hangup(alice, tired), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    let ended = ["janus 12 detach", "end", notified, "log ended (caller hung up: tired)"];
    for mut harness in [incoming_ringing(), incoming_answered()] {
        assert_eq!(harness.remote_hangup(BOB, "alice", "tired"), [""; 0]);
        assert_eq!(harness.remote_hangup(BOB, "alice", "Remote WebRTC hangup"), ended);
        assert_eq!(harness.core_hangup(BOB, "Close PC"), [""; 0]);
        harness.assert_clean_with_proxy();
    }
    for order in [[0, 1], [1, 0]] {
        let mut other = incoming_answered();
        let received = order.map(|step| match step {
            0 => other.remote_hangup(BOB, "alice", "tired"),
            _ => other.core_hangup(BOB, "Close PC"),
        });
        assert_eq!(received, [vec![], ended.map(str::to_owned).to_vec()]);
    }
}

#[test]
fn remote_loss_without_a_reason_ends_the_call_after_a_grace() {
    let notified = "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    for mut harness in [incoming_ringing(), incoming_answered()] {
        assert_eq!(harness.remote_hangup(BOB, "alice", "Remote WebRTC hangup"), [""; 0]);
        assert_eq!(harness.next_timer_ms(), Some(300));
        let ended = harness.advance(Duration::from_millis(300));
        let log = "log ended (caller lost its PeerConnection: Close PC)";
        assert_eq!(ended, ["janus 12 detach", "end", notified, log]);
        harness.assert_clean_with_proxy();
    }
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
