//! A peer's user calls one of ours.

use super::*;
use crate::calls::proxy_leg::INCOMING_CALL_TIMEOUT;

const OVER: [&str; 2] = ["janus 12 detach", "end"];

#[test]
fn it_is_told_to_call_once_our_user_is_registered_and_then_all_is_as_ever() {
    let mut bench = invited();
    assert_eq!(bench.is_placed(), ["janus attach"]);
    assert_eq!(bench.has_handle(BOB), ["janus 12 register"]);
    assert_eq!(bench.said.last().unwrap()["body"]["username"], "bob");
    assert_eq!(bench.replies(BOB, "registered"), ["answer yes"]);
    assert_eq!(bench.core(BOB, "trickle"), [""; 0]);
    let rings = ["log ringing", "bob joined: incomingcall(alice)+offer, core trickle"];
    assert_eq!(bench.alice_calls(), rings);
    assert_eq!(bench.trickles(Side::Callee, &["x"]), [""; 0]);
    let accept = json!({"request": "accept"});
    assert_eq!(bench.asks(Side::Callee, accept, Some("answer")), ["janus 12 accept+answer"]);
    let accepted = ["bob! answered: t/accepted", "log answered", r#"janus 12 trickle ["x"]"#];
    assert_eq!(bench.replies(BOB, "accepted"), accepted);
    assert_eq!(bench.notifies(BOB, json!({"event": "update"}), Some("offer")), ["bob: update+offer"]);
    let ended = bench.asks(Side::Callee, json!({"request": "hangup", "reason": "bye"}), None);
    let told = "bob! left: t/hangup(bob, Explicit hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(ended, ["janus 12 detach", "end", told, "log ended (bye)"]);
    bench.is_clean_with_peer();
}

#[test]
fn a_place_that_comes_again_is_one_call_and_tells_the_peer_again_that_it_may_call() {
    let mut bench = invited();
    bench.is_placed();
    assert_eq!(bench.is_placed(), [""; 0]);
    bench.has_handle(BOB);
    assert_eq!(bench.is_placed(), [""; 0]);
    for mut bench in [awaited(), called(), taken()] {
        assert_eq!(bench.is_placed(), ["answer yes"]);
        assert_eq!(bench.calls.count(), 1);
    }
    let mut bench = taken();
    bench.hangs_up_core(Side::Callee);
    assert_eq!(bench.is_placed(), ["end", "answer 502"]);
}

#[test]
fn one_that_does_not_call_in_time_is_forgotten_without_a_word() {
    let mut bench = awaited();
    assert_eq!(bench.after(INCOMING_CALL_TIMEOUT - Duration::from_millis(1)), [""; 0]);
    assert_eq!(bench.after(Duration::from_millis(1)), OVER);
    assert_eq!(bench.alice_calls(), [""; 0]);
    bench.is_clean_with_peer();
}

#[test]
fn a_stranger_that_calls_is_let_be_and_gains_no_time() {
    let mut bench = awaited();
    bench.core(BOB, "trickle");
    assert_eq!(bench.is_called_by("mallory"), [""; 0]);
    assert_eq!(bench.hangs_up(BOB, "mallory", "We did the hangup"), [""; 0]);
    assert_eq!(bench.core_hangup(BOB, "Close PC"), [""; 0]);
    assert_eq!(bench.core_hangup(BOB, "ICE failed"), [""; 0]);
    bench.after(Duration::from_secs(9));
    bench.core(BOB, "trickle");
    assert_eq!(bench.alice_calls()[1], "bob joined: incomingcall(alice)+offer, core trickle");
    assert_eq!(bench.is_called_by("alice"), [""; 0]);
    let mut bench = awaited();
    bench.is_called_by("mallory");
    assert_eq!(bench.after(INCOMING_CALL_TIMEOUT), OVER);
    bench.is_clean_with_peer();
}

#[test]
fn its_hangup_ends_the_call_with_its_reason() {
    let told = "bob left: hangup(alice, tired), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    let ended = ["janus 12 detach", "end", told, "log ended (caller hung up: tired)"];
    for mut bench in [called(), taken()] {
        assert_eq!(bench.hangs_up(BOB, "alice", "tired"), [""; 0]);
        assert_eq!(bench.hangs_up(BOB, "alice", "Remote WebRTC hangup"), ended);
        assert_eq!(bench.core_hangup(BOB, "Close PC"), [""; 0]);
        bench.is_clean_with_peer();
    }
    for signs in [[0, 1], [1, 0]] {
        let mut bench = taken();
        let heard = signs.map(|sign| match sign {
            0 => bench.hangs_up(BOB, "alice", "tired"),
            _ => bench.core_hangup(BOB, "Close PC"),
        });
        assert_eq!(heard, [vec![], ended.map(str::to_owned).to_vec()]);
    }
}

#[test]
fn one_that_is_gone_without_a_word_ends_the_call_a_little_later() {
    let told = "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    for mut bench in [called(), taken()] {
        assert_eq!(bench.hangs_up(BOB, "alice", "Remote WebRTC hangup"), [""; 0]);
        assert_eq!(bench.due_in(), Some(300));
        let ended = bench.after(Duration::from_millis(300));
        let log = "log ended (caller lost its PeerConnection: Close PC)";
        assert_eq!(ended, ["janus 12 detach", "end", told, log]);
        bench.is_clean_with_peer();
    }
}

#[test]
fn our_own_lost_media_ends_the_call_at_once() {
    let mut bench = taken();
    let told = "bob left: hangup(alice, Remote WebRTC hangup), core hangup(DTLS alert)";
    assert_eq!(bench.core_hangup(BOB, "DTLS alert")[..3], ["janus 12 detach", "end", told]);
}

#[test]
fn a_call_that_nobody_accepts_in_time_ends() {
    let time = Duration::from_secs(120);
    let mut bench = awaited();
    bench.calls.config.policy = CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() };
    bench.after(Duration::from_secs(9));
    bench.alice_calls();
    assert_eq!(bench.after(time - Duration::from_millis(1)), [""; 0]);
    let told = "bob left: hangup(alice, No answer), core hangup(Close PC)";
    assert_eq!(
        bench.after(Duration::from_millis(1)),
        ["janus 12 detach", "end", told, "log ended (No answer)"]
    );
    bench.is_clean();
}

#[test]
fn the_ends_of_our_side_are_as_ever() {
    let mut bench = taken();
    let told = "bob left: core hangup(Janus API), hangup(alice, Remote WebRTC hangup)";
    assert_eq!(bench.hangs_up_core(Side::Callee)[..3], ["janus 12 detach", "end", told]);
    let mut bench = called();
    assert_eq!(bench.is_gone(Side::Callee)[..3], ["janus 12 detach", "end", "bob left: "]);
    let mut bench = awaited();
    assert_eq!(bench.is_gone(Side::Callee), OVER);
    bench.is_clean_with_peer();
}
