//! Janus, a connector or a proxy fails in a call with a remote user.

use super::*;
use crate::calls::janus_state::JANUS_TIMEOUT;
use crate::calls::leg::{MAX_ACK_DELAY, NAME_TAKEN_TIMEOUT, REGISTER_RETRY_DELAY};
use bus::ack_tracker::AckTracker;
use bus::topic::Mailbox;
use futures_util::FutureExt;

const OLD: u64 = 1;
const LOST: &str = "The connection to the media server was lost";

fn taken_name() -> Value {
    json!({"error_code": 476, "error": "Username 'bob' already taken"})
}

/// The refusal for the rest service whose proxy waits.
fn refusal(harness: &mut Harness, input: impl Fn(&mut Calls, Instant) -> Vec<Action>) -> (u16, String) {
    let actions = input(&mut harness.calls, harness.now);
    let refusal = actions.into_iter().find_map(|action| match action {
        Action::EndCall(ended) => ended.notices.proxy_refusal,
        _ => None,
    });
    let (rest, reply) = refusal.unwrap();
    assert_eq!((rest.as_str(), reply.call), ("rest-1", harness.call));
    let ProxyRefusal { code, text } = reply.refusal.unwrap();
    (code, text)
}

#[test]
fn taken_name_is_registered_again_after_a_delay() {
    for (mut harness, handle, registered) in
        [(incoming(), BOB, "reply yes"), (outgoing(), ALICE, "invite bob")]
    {
        harness.place();
        harness.attached_local(handle);
        assert_eq!(harness.reply_data(handle, taken_name()), [""; 0]);
        assert_eq!(harness.next_timer_ms(), Some(REGISTER_RETRY_DELAY.as_millis()));
        assert_eq!(harness.advance(REGISTER_RETRY_DELAY), [format!("janus {handle} register")]);
        assert_eq!(harness.reply(handle, "registered"), [registered]);
    }
}

#[test]
fn name_that_stays_taken_is_refused_with_the_janus_error() {
    let mut harness = incoming();
    harness.place();
    harness.attached_local(BOB);
    harness.reply_data(BOB, taken_name());
    assert_eq!(harness.advance(NAME_TAKEN_TIMEOUT), ["janus 12 register"]);
    let transaction = harness.last_message(BOB);
    let again = json!({"janus": "event", "sender": BOB, "transaction": transaction,
        "plugindata": {"data": taken_name()}});
    let refused =
        refusal(&mut harness, |calls, now| calls.on_janus(FromJanus::read(&again.to_string()), now));
    assert_eq!(refused, (476, "Username 'bob' already taken".to_owned()));
    harness.assert_clean_with_proxy();
    let mut other = outgoing();
    other.place();
    other.attached_local(ALICE);
    other.reply_data(ALICE, taken_name());
    other.advance(NAME_TAKEN_TIMEOUT);
    assert_eq!(other.reply_data(ALICE, taken_name()), ["janus 11 detach", "end", "alice! left: c/error 502"]);
    other.assert_clean_with_proxy();
}

#[test]
fn waiting_proxy_is_refused_on_any_failure() {
    let refused = ["end", "reply 502"];
    assert_eq!(incoming().place_expired(), refused);
    let mut harness = incoming();
    harness.janus_down();
    assert_eq!(harness.place(), refused);
    let attaching = || {
        let mut other = incoming();
        other.place();
        other
    };
    assert_eq!(attaching().client_gone(Side::Callee), refused);
    assert_eq!(attaching().janus_down(), refused);
    assert_eq!(attaching().advance(JANUS_TIMEOUT), ["timeout", "end", "reply 502"]);
    let mut third = attaching();
    third.attached_local(BOB);
    assert_eq!(third.refuse(BOB, 403), ["janus 12 detach", "end", "reply 502"]);
    third.assert_clean_with_proxy();
}

#[test]
fn janus_failure_ends_the_call_for_the_local_side() {
    let gone = "The media server is gone";
    assert_eq!(incoming_agreed().janus_down(), ["end"]);
    assert_eq!(outgoing_invited().janus_down(), ["end", "alice! left: c/error 502"]);
    for (mut harness, who, peer) in
        [(incoming_answered(), "bob", "alice"), (outgoing_answered(), "alice", "bob")]
    {
        let notified = format!("{who} left: hangup({peer}, {gone}), core hangup({gone})");
        assert_eq!(harness.janus_down(), ["end".to_owned(), notified, format!("log ended ({gone})")]);
    }
    assert_eq!(detached_by_janus(incoming_answered(), BOB)[..2], ["janus 12 detach", "end"]);
    assert_eq!(detached_by_janus(incoming_agreed(), BOB), ["janus 12 detach", "end"]);
}

fn detached_by_janus(mut harness: Harness, handle: u64) -> Vec<String> {
    harness.core_event(handle, "detached")
}

#[test]
fn malformed_place_is_refused() {
    let mut harness = incoming();
    harness.place.proxy_side = None;
    assert_eq!(harness.place(), ["end"]);
    let mut other = outgoing();
    other.place.offer = None;
    assert_eq!(other.place(), ["end", "alice! left: c/error 502"]);
    let mut third = connected();
    third.place.caller.address = None;
    third.place.callee.address = None;
    assert_eq!(third.place(), ["end"]);
    third.assert_clean();
}

#[test]
fn next_connector_resumes_the_call_and_checks_the_local_leg() {
    for (mut harness, who, handle) in [
        (incoming_ringing(), "bob", BOB),
        (incoming_answered(), "bob", BOB),
        (outgoing_ringing(), "alice", ALICE),
        (outgoing_answered(), "alice", ALICE),
    ] {
        let resumed = harness.take_over_from(harness.last_saved(), &[OLD]);
        assert_eq!(resumed, [format!("{who}: "), format!("janus {handle} accept")]);
        harness.reply_data(handle, json!({"error_code": 482, "error": "Missing SDP"}));
        let peer = if who == "bob" { "alice" } else { "bob" };
        harness.remote_hangup(handle, peer, "bye");
        let notified = format!(
            "{who} left: hangup({peer}, bye), hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)"
        );
        let ended_lines =
            [format!("janus {handle} detach"), "destroy 1".to_owned(), "end".to_owned(), notified];
        assert_eq!(harness.core_hangup(handle, "Close PC"), [""; 0]);
        assert_eq!(harness.reply(handle, "set")[..4], ended_lines);
        harness.assert_clean();
    }
    let mut other = incoming_ringing();
    other.take_over_from(other.last_saved(), &[OLD]);
    assert_eq!(other.place(), ["reply yes"]);
}

#[test]
fn call_that_ended_unobserved_ends_for_the_local_side() {
    let mut harness = outgoing_answered().taken_over();
    let notified = "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    let ended_lines = harness.reply_data(ALICE, json!({"error_code": 481, "error": "no"}));
    assert_eq!(ended_lines[..4], ["janus 11 detach", "destroy 1", "end", notified]);
    let mut other = incoming_answered();
    let lost = format!("bob left: hangup(alice, {LOST}), core hangup({LOST})");
    assert_eq!(other.take_over_from(other.last_saved(), &[])[..2], ["end".to_owned(), lost]);
}

#[test]
fn unjoined_call_is_set_up_again_from_its_place() {
    let mut harness = incoming_agreed();
    assert_eq!(harness.saved.len(), 0);
    assert_eq!(harness.take_over_from(None, &[OLD]), ["destroy 1"]);
    assert_eq!(harness.place(), ["janus attach"]);
    harness.attached_local(BOB);
    assert_eq!(harness.reply(BOB, "registered"), ["reply yes"]);
    assert_eq!(harness.alice_calls().len(), 2);

    let mut other = outgoing_invited();
    other.take_over_from(None, &[]);
    other.place();
    other.attached_local(ALICE);
    assert_eq!(other.reply(ALICE, "registered"), ["invite bob"]);
    let notified = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(User bob busy)";
    assert_eq!(other.proxy_replies(Some((480, "User bob busy"))), ["janus 11 detach", "end", notified]);
}

#[test]
fn early_proxy_reply_prevents_a_second_invite() {
    let mut harness = outgoing_invited();
    harness.take_over_from(None, &[]);
    harness.place();
    assert_eq!(harness.proxy_replies(None), [""; 0]);
    harness.attached_local(ALICE);
    assert_eq!(harness.reply(ALICE, "registered"), ["janus 11 call+offer"]);
    assert_eq!(harness.reply(ALICE, "calling"), ["log ringing", "alice! joined: c/calling"]);
}

/// The guard of a message in a mailbox.
async fn ack_guard(tracker: &AckTracker) -> AckGuard {
    let (bus, mailbox) = (bus::Bus::memory(), Mailbox::Backend("a".into()));
    let mut reader = bus.open(mailbox.clone()).await.unwrap();
    bus.post(&mailbox, &Message::new(Body::Hangup(LegRef { call: CallId::fresh(), side: Side::Caller })))
        .await
        .unwrap();
    reader.next().await;
    tracker.track(reader.offset().unwrap())
}

#[tokio::test]
async fn slow_proxy_does_not_block_the_mailbox() {
    for (mut harness, handle) in [(incoming(), BOB), (outgoing(), ALICE)] {
        let tracker = AckTracker::default();
        let (place, guard) = (harness.place_message(), ack_guard(&tracker).await);
        let actions = harness.calls.on_message(place, guard, harness.now);
        harness.record(actions);
        harness.attached_local(handle);
        harness.reply(handle, "registered");
        harness.advance(MAX_ACK_DELAY - Duration::from_millis(1));
        assert!(tracker.acked_through().now_or_never().is_none());
        harness.advance(Duration::from_millis(1));
        assert!(tracker.acked_through().now_or_never().is_some());
        assert_eq!(harness.calls.count(), 1);
    }
}
