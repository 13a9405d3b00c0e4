//! One of ours calls a peer's user.

use super::*;
use crate::calls::transactions::JANUS_TIMEOUT;

use common::entropy::unix_millis;

const OVER: [&str; 2] = ["janus 11 detach", "end"];

#[test]
fn its_proxy_is_asked_once_our_user_is_registered_and_then_the_offer_goes_out() {
    let mut bench = outgoing();
    assert_eq!(bench.is_placed(), ["janus attach"]);
    assert_eq!(bench.has_handle(ALICE), ["janus 11 register"]);
    assert_eq!(bench.said.last().unwrap()["body"]["username"], "alice");
    assert_eq!(bench.replies(ALICE, "registered"), ["ask bob"]);
    assert_eq!(bench.peer_says(None), ["janus 11 call+offer"]);
    assert_eq!(bench.said.last().unwrap()["body"]["username"], "bob");
    assert_eq!(bench.replies(ALICE, "calling"), ["log ringing", "alice! joined: c/calling"]);
    assert_eq!(bench.trickles(Side::Caller, &["a"]), [""; 0]);
    let accepted = ["alice answered: accepted(bob)+answer", "log answered", r#"janus 11 trickle ["a"]"#];
    assert_eq!(bench.accepted(), accepted);
    bench.asks(Side::Caller, json!({"request": "set"}), Some("offer"));
    assert_eq!(bench.replies(ALICE, "set"), ["alice!: t/set"]);
    let ended = bench.asks(Side::Caller, json!({"request": "hangup"}), None);
    let told = "alice! left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(ended, ["janus 11 detach", "end", told, "log ended (hangup by caller)"]);
    bench.is_clean_with_peer();
}

#[test]
fn its_proxy_hears_who_calls_whom_and_where() {
    let mut bench = outgoing();
    let deadline = Deadline(unix_millis() + 10_000);
    bench.hears(Message { deadline: Some(deadline), ..bench.placing() });
    bench.has_handle(ALICE);
    let transaction = bench.last_message(ALICE);
    let registered = json!({"janus": "event", "sender": ALICE, "transaction": transaction,
        "plugindata": {"data": {"result": {"event": "registered"}}}});
    let acts = bench.calls.on_janus(FromJanus::read(&registered.to_string()), bench.now);
    let [Action::InviteProxy(ask, until)] = &acts[..] else { panic!("{acts:?}") };
    // A second before it the caller is refused; then nobody may be asked any more.
    let spare = Deadline(deadline.0 - 1000);
    assert_eq!((ask.call, ask.backend.as_str(), *until), (bench.call, "a", Some(spare)));
    assert_eq!((ask.caller.as_str(), ask.callee.as_str()), ("alice", "bob"));
    assert_eq!(ask.backend_url, "ws://janus:8188");
    assert_eq!(ask.proxy, "http://peer:8100/plugins/videocall");
}

#[test]
fn a_place_that_comes_again_asks_nobody_again() {
    for mut bench in [asking(), offered(), rung(), answered()] {
        assert_eq!(bench.is_placed(), [""; 0]);
        assert_eq!(bench.calls.count(), 1);
    }
}

#[test]
fn a_refusal_is_said_to_the_caller_in_the_words_of_the_peer() {
    let mut bench = asking();
    let told = "alice! left: c/error 480, core hangup(Close PC)";
    assert_eq!(bench.peer_says(Some((480, "User bob busy"))), ["janus 11 detach", "end", told]);
    assert_eq!(bench.peer_says(None), [""; 0]);
    bench.is_clean_with_peer();
}

#[test]
fn the_first_answer_counts() {
    let mut bench = offered();
    assert_eq!(bench.peer_says(None), [""; 0]);
    assert_eq!(bench.peer_says(Some((480, "User bob busy"))), [""; 0]);
    assert_eq!(bench.replies(ALICE, "calling").len(), 2);
    assert_eq!(bench.peer_says(Some((480, "User bob busy"))), [""; 0]);
}

#[test]
fn one_that_does_not_answer_is_refused_a_second_before_the_deadline() {
    let mut bench = outgoing();
    let deadline = Some(Deadline(unix_millis() + 8_000));
    bench.hears(Message { deadline, ..bench.placing() });
    bench.has_handle(ALICE);
    bench.replies(ALICE, "registered");
    assert_eq!(bench.after(Duration::from_millis(6_900)), [""; 0]);
    let told = "alice! left: c/error 502, core hangup(Close PC)";
    assert_eq!(bench.after(Duration::from_millis(100)), ["janus 11 detach", "end", told]);
    assert_eq!(bench.peer_says(None), [""; 0]);
    bench.is_clean_with_peer();
}

#[test]
fn one_that_janus_says_is_busy_or_unknown_is_refused_as_janus_does() {
    let busy = json!({"result": {"event": "hangup", "username": "alice", "reason": "User busy"}});
    for (says, told) in [
        (busy, "alice! left: c/hangup(alice, User busy), core hangup(Close PC)"),
        (json!({"error_code": 478, "error": "no"}), "alice! left: c/error 478, core hangup(Close PC)"),
        (json!({"error_code": 483, "error": "no"}), "alice! left: c/error 483"),
    ] {
        let mut bench = offered();
        assert_eq!(bench.answers(ALICE, says), ["janus 11 detach", "end", told]);
        bench.is_clean_with_peer();
    }
    let mut bench = offered();
    assert_eq!(bench.refuses(ALICE, 465), ["janus 11 detach", "end", "alice! left: c/refused 465"]);
}

#[test]
fn its_hangup_ends_the_call_with_its_reason() {
    let told = "alice left: hangup(bob, We did the hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    for mut bench in [rung(), answered()] {
        assert_eq!(bench.hangs_up(ALICE, "bob", "We did the hangup"), [""; 0]);
        let log = "log ended (callee hung up: We did the hangup)";
        assert_eq!(bench.after(Duration::from_millis(300)), ["janus 11 detach", "end", told, log]);
        assert_eq!(bench.hangs_up(ALICE, "bob", "Remote WebRTC hangup"), [""; 0]);
        bench.is_clean_with_peer();
    }
}

#[test]
fn a_stranger_that_calls_our_user_before_the_offer_is_let_be() {
    let mut bench = asking();
    assert_eq!(bench.notifies(ALICE, json!({"event": "incomingcall", "username": "bob"}), None), [""; 0]);
    assert_eq!(bench.hangs_up(ALICE, "mallory", "bye"), [""; 0]);
    assert_eq!(bench.core_hangup(ALICE, "Close PC"), [""; 0]);
    assert_eq!(bench.peer_says(None), ["janus 11 call+offer"]);
    let told = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(ICE failed)";
    assert_eq!(bench.core_hangup(ALICE, "ICE failed"), ["janus 11 detach", "end", told]);
}

#[test]
fn a_call_that_nobody_accepts_in_time_ends() {
    let mut bench = offered();
    bench.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    bench.replies(ALICE, "calling");
    let told = "alice left: hangup(bob, No answer), core hangup(Close PC)";
    assert_eq!(bench.after(JANUS_TIMEOUT), ["janus 11 detach", "end", told, "log ended (No answer)"]);
    let mut bench = offered();
    bench.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    bench.replies(ALICE, "calling");
    bench.accepted();
    assert_eq!(bench.after(JANUS_TIMEOUT), [""; 0]);
}

#[test]
fn the_ends_of_our_side_are_as_ever() {
    let mut bench = asking();
    let told = "alice! left: c/hangup(bob, Remote WebRTC hangup)";
    assert_eq!(bench.is_gone(Side::Caller), [OVER[0], OVER[1], told]);
    assert_eq!(bench.peer_says(None), [""; 0]);
    bench.is_clean_with_peer();
    let mut bench = rung();
    let told = "alice left: core hangup(Janus API), hangup(bob, Remote WebRTC hangup)";
    assert_eq!(bench.hangs_up_core(Side::Caller)[..3], [OVER[0], OVER[1], told]);
    bench.is_clean_with_peer();
}
