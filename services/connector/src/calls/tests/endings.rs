//! Each kind of end notifies both sides once, with the right name and reason.

use super::*;

const BOTH_DETACHED: [&str; 3] = ["janus 11 detach", "janus 12 detach", "end"];

fn assert_end(received: &[String], notified: &[&str]) {
    let expected: Vec<&str> = BOTH_DETACHED.iter().chain(notified).copied().collect();
    assert_eq!(received, expected);
}

#[test]
fn hangup_is_answered_and_its_reason_reaches_the_peer() {
    for (mut harness, side, body, notified) in [
        (
            ringing(),
            Side::Callee,
            json!({"request": "hangup"}),
            [
                "alice left: hangup(bob, We did the hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (hangup by callee)",
            ],
        ),
        (
            ringing(),
            Side::Caller,
            json!({"request": "HANGUP", "reason": 5}),
            [
                "bob left: hangup(alice, We did the hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "alice! left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (hangup by caller)",
            ],
        ),
        (
            talking(),
            Side::Callee,
            json!({"request": "hangup", "reason": "tired"}),
            [
                "alice left: hangup(bob, tired), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
                "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
                "log ended (tired)",
            ],
        ),
    ] {
        assert_end(&harness.request(side, body, None), &notified);
        harness.assert_clean();
    }
}

#[test]
fn core_hangup_ends_the_call() {
    for mut harness in [ringing(), talking()] {
        let notified = [
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "alice left: core hangup(Janus API), hangup(bob, Remote WebRTC hangup)",
            "log ended (core hangup by caller)",
        ];
        assert_end(&harness.client_core_hangup(Side::Caller), &notified);
        assert_eq!(harness.client_core_hangup(Side::Callee), [""; 0]);
        harness.assert_clean();
    }
}

#[test]
fn disconnected_side_only_gets_the_state_change() {
    for mut harness in [ringing(), talking()] {
        let notified = [
            "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
            "bob left: ",
            "log ended (callee is gone)",
        ];
        assert_end(&harness.client_gone(Side::Callee), &notified);
        harness.assert_clean();
    }
}

#[test]
fn detached_handle_ends_the_call() {
    let mut harness = talking();
    let reason = "The media server closed the connection";
    let received = harness.core_event(BOB, "detached");
    assert_eq!(received[3], format!("alice left: hangup(bob, {reason}), core hangup({reason})"));
    assert_eq!(received[4], format!("bob left: hangup(alice, {reason}), core hangup({reason})"));
    harness.assert_clean();
}

#[test]
fn peer_connection_loss_ends_the_call_once_in_any_order() {
    type Step = fn(&mut Harness) -> Vec<String>;
    let steps: [Step; 4] = [
        |harness| harness.core_hangup(ALICE, "DTLS alert"),
        |harness| harness.plugin_hangup(ALICE, Side::Callee),
        |harness| harness.plugin_hangup(BOB, Side::Caller),
        |harness| harness.core_hangup(BOB, "Close PC"),
    ];
    for order in permutations(4) {
        let mut harness = talking();
        let received: Vec<String> = order.iter().flat_map(|step| steps[*step](&mut harness)).collect();
        let notified = [
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "alice left: hangup(bob, Remote WebRTC hangup), core hangup(DTLS alert)",
            "log ended (caller lost its PeerConnection: DTLS alert)",
        ];
        assert_end(&received, &notified);
        assert_eq!(harness.advance(Duration::from_secs(1)), [""; 0], "{order:?}");
        harness.assert_clean();
    }
}

#[test]
fn unexplained_loss_ends_the_call_after_a_grace() {
    let lost = |event: fn(&mut Harness) -> Vec<String>| {
        let mut harness = talking();
        assert_eq!(event(&mut harness), [""; 0]);
        assert_eq!(harness.next_timer_ms(), Some(300));
        assert_eq!(harness.advance(Duration::from_millis(299)), [""; 0]);
        let ended = harness.advance(Duration::from_millis(1));
        harness.assert_clean();
        ended
    };
    let notified = [
        "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
        "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
        "log ended (caller lost its PeerConnection: Close PC)",
    ];
    assert_end(&lost(|harness| harness.plugin_hangup(BOB, Side::Caller)), &notified);
    assert_end(&lost(|harness| harness.core_hangup(BOB, "Close PC")), &notified);
}

#[test]
fn peer_connection_failure_before_ringing_answers_the_call() {
    let mut harness = calling();
    let answer = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(ICE failed)";
    assert_end(&harness.core_hangup(ALICE, "ICE failed"), &[answer]);
    harness.assert_clean();
}

#[test]
fn janus_events_of_ended_calls_are_ignored() {
    let mut harness = talking();
    harness.request(Side::Callee, json!({"request": "set"}), None);
    harness.client_core_hangup(Side::Caller);
    assert_eq!(harness.reply(BOB, "set"), [""; 0]);
    assert_eq!(harness.notify(ALICE, json!({"event": "update"}), None), [""; 0]);
    assert_eq!(harness.core_event(ALICE, "media"), [""; 0]);
    assert_eq!(harness.core_event(BOB, "detached"), [""; 0]);
    assert_eq!(harness.core_hangup(BOB, "Detach"), [""; 0]);
    assert_eq!(harness.request(Side::Caller, json!({"request": "hangup"}), None), [""; 0]);
    harness.assert_clean();
}
