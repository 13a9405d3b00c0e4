//! A local user calls a remote one.

use super::*;
use crate::calls::janus_state::JANUS_TIMEOUT;

const OVER: [&str; 2] = ["janus 11 detach", "end"];

#[test]
fn proxy_is_invited_before_the_offer_is_sent() {
    let mut harness = outgoing();
    assert_eq!(harness.place(), ["janus attach"]);
    assert_eq!(harness.attached_local(ALICE), ["janus 11 register"]);
    assert_eq!(harness.sent_to_janus.last().unwrap()["body"]["username"], "alice");
    assert_eq!(harness.reply(ALICE, "registered"), ["invite bob"]);
    assert_eq!(harness.proxy_replies(None), ["janus 11 call+offer"]);
    assert_eq!(harness.sent_to_janus.last().unwrap()["body"]["username"], "bob");
    assert_eq!(harness.reply(ALICE, "calling"), ["log ringing", "alice! joined: c/calling"]);
    assert_eq!(harness.trickle(Side::Caller, &["a"]), [""; 0]);
    let accepted = ["alice answered: accepted(bob)+answer", "log answered", r#"janus 11 trickle ["a"]"#];
    assert_eq!(harness.remote_accepts(), accepted);
    harness.request(Side::Caller, json!({"request": "set"}), Some("offer"));
    assert_eq!(harness.reply(ALICE, "set"), ["alice!: t/set"]);
    let ended = harness.request(Side::Caller, json!({"request": "hangup"}), None);
    let notified = "alice! left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(ended, ["janus 11 detach", "end", notified, "log ended (hangup by caller)"]);
    harness.assert_clean_with_proxy();
}

#[test]
fn invite_names_both_users_and_the_backend() {
    let mut harness = outgoing();
    let deadline = Deadline::after(Duration::from_secs(10));
    harness.receive(Message { deadline: Some(deadline), ..harness.place_message() });
    harness.attached_local(ALICE);
    let transaction = harness.last_message(ALICE);
    let registered = json!({"janus": "event", "sender": ALICE, "transaction": transaction,
        "plugindata": {"data": {"result": {"event": "registered"}}}});
    let actions = harness.calls.on_janus(FromJanus::read(&registered.to_string()), harness.now);
    let [Action::InviteProxy(invite, until)] = &actions[..] else { panic!("{actions:?}") };
    // The caller is refused a second before its deadline, so the invite expires then.
    let invite_deadline = deadline.earlier_by(Duration::from_secs(1));
    assert_eq!((invite.call, invite.backend.as_str(), *until), (harness.call, "a", Some(invite_deadline)));
    assert_eq!((invite.caller.as_str(), invite.callee.as_str()), ("alice", "bob"));
    assert_eq!(invite.backend_url, "ws://janus:8188");
    assert_eq!(invite.proxy, "http://proxy:8100/plugins/videocall");
}

#[test]
fn redelivered_place_sends_no_second_invite() {
    for mut harness in [outgoing_invited(), outgoing_offered(), outgoing_ringing(), outgoing_answered()] {
        assert_eq!(harness.place(), [""; 0]);
        assert_eq!(harness.calls.count(), 1);
    }
}

#[test]
fn proxy_refusal_is_forwarded_to_the_caller() {
    let mut harness = outgoing_invited();
    let notified = "alice! left: c/error 480, core hangup(Close PC)";
    assert_eq!(harness.proxy_replies(Some((480, "User bob busy"))), ["janus 11 detach", "end", notified]);
    assert_eq!(harness.proxy_replies(None), [""; 0]);
    harness.assert_clean_with_proxy();
}

#[test]
fn first_proxy_reply_counts() {
    let mut harness = outgoing_offered();
    assert_eq!(harness.proxy_replies(None), [""; 0]);
    assert_eq!(harness.proxy_replies(Some((480, "User bob busy"))), [""; 0]);
    assert_eq!(harness.reply(ALICE, "calling").len(), 2);
    assert_eq!(harness.proxy_replies(Some((480, "User bob busy"))), [""; 0]);
}

#[test]
fn silent_proxy_is_refused_a_second_before_the_deadline() {
    let mut harness = outgoing();
    let deadline = Some(Deadline::after(Duration::from_secs(8)));
    harness.receive(Message { deadline, ..harness.place_message() });
    harness.attached_local(ALICE);
    harness.reply(ALICE, "registered");
    assert_eq!(harness.advance(Duration::from_millis(6_900)), [""; 0]);
    let notified = "alice! left: c/error 502, core hangup(Close PC)";
    assert_eq!(harness.advance(Duration::from_millis(100)), ["janus 11 detach", "end", notified]);
    assert_eq!(harness.proxy_replies(None), [""; 0]);
    harness.assert_clean_with_proxy();
}

#[test]
fn busy_or_unknown_callee_is_refused_as_janus_does() {
    let busy = json!({"result": {"event": "hangup", "username": "alice", "reason": "User busy"}});
    for (data, notified) in [
        (busy, "alice! left: c/hangup(alice, User busy), core hangup(Close PC)"),
        (json!({"error_code": 478, "error": "no"}), "alice! left: c/error 478, core hangup(Close PC)"),
        (json!({"error_code": 483, "error": "no"}), "alice! left: c/error 483"),
    ] {
        let mut harness = outgoing_offered();
        assert_eq!(harness.reply_data(ALICE, data), ["janus 11 detach", "end", notified]);
        harness.assert_clean_with_proxy();
    }
    let mut other = outgoing_offered();
    assert_eq!(other.refuse(ALICE, 465), ["janus 11 detach", "end", "alice! left: c/refused 465"]);
}

#[test]
fn remote_hangup_ends_the_call_with_its_reason() {
    let notified = "alice left: hangup(bob, We did the hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    for mut harness in [outgoing_ringing(), outgoing_answered()] {
        assert_eq!(harness.remote_hangup(ALICE, "bob", "We did the hangup"), ["janus 11 set"]);
        let log = "log ended (callee hung up: We did the hangup)";
        assert_eq!(harness.reply(ALICE, "set"), ["janus 11 detach", "end", notified, log]);
        assert_eq!(harness.remote_hangup(ALICE, "bob", "Remote WebRTC hangup"), [""; 0]);
        harness.assert_clean_with_proxy();
    }
}

#[test]
fn unknown_caller_before_the_offer_is_ignored() {
    let mut harness = outgoing_invited();
    assert_eq!(harness.notify(ALICE, json!({"event": "incomingcall", "username": "bob"}), None), [""; 0]);
    assert_eq!(harness.remote_hangup(ALICE, "mallory", "bye"), [""; 0]);
    assert_eq!(harness.core_hangup(ALICE, "Close PC"), [""; 0]);
    assert_eq!(harness.proxy_replies(None), ["janus 11 call+offer"]);
    let notified = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(ICE failed)";
    assert_eq!(harness.core_hangup(ALICE, "ICE failed"), ["janus 11 detach", "end", notified]);
}

#[test]
fn ring_timeout_ends_the_call() {
    let mut harness = outgoing_offered();
    harness.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    harness.reply(ALICE, "calling");
    let notified = "alice left: hangup(bob, No answer), core hangup(Close PC)";
    assert_eq!(harness.advance(JANUS_TIMEOUT), ["janus 11 detach", "end", notified, "log ended (No answer)"]);
    let mut other = outgoing_offered();
    other.calls.config.policy = CallPolicy { ring_timeout: Some(JANUS_TIMEOUT), ..CallPolicy::default() };
    other.reply(ALICE, "calling");
    other.remote_accepts();
    assert_eq!(other.advance(JANUS_TIMEOUT), [""; 0]);
}

#[test]
fn local_side_can_end_the_call() {
    let mut harness = outgoing_invited();
    let notified = "alice! left: c/hangup(bob, Remote WebRTC hangup)";
    assert_eq!(harness.client_gone(Side::Caller), [OVER[0], OVER[1], notified]);
    assert_eq!(harness.proxy_replies(None), [""; 0]);
    harness.assert_clean_with_proxy();
    let mut other = outgoing_ringing();
    let left = "alice left: core hangup(Janus API), hangup(bob, Remote WebRTC hangup)";
    assert_eq!(other.client_core_hangup(Side::Caller)[..3], [OVER[0], OVER[1], left]);
    other.assert_clean_with_proxy();
}
