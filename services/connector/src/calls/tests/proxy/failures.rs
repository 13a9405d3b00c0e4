//! Janus, a connector or a peer fails in a call with a peer's user.

use super::*;
use crate::calls::proxy_leg::{MAX_ACK_DELAY, NAME_TAKEN_TIMEOUT, REGISTER_RETRY_DELAY};
use crate::calls::transactions::JANUS_TIMEOUT;
use bus::ack_tracker::AckTracker;
use bus::topic::Mailbox;
use futures_util::FutureExt;

const OLD: u64 = 1;
const LOST: &str = "The connection to the media server was lost";

fn taken_name() -> Value {
    json!({"error_code": 476, "error": "Username 'bob' already taken"})
}

/// What the connector says to a rest service that must refuse its peer.
fn refusal(bench: &mut Bench, says: impl Fn(&mut Calls, Instant) -> Vec<Action>) -> (u16, String) {
    let acts = says(&mut bench.calls, bench.now);
    let ended = acts.into_iter().find_map(|act| match act {
        Action::EndCall(ended) => ended.notices.proxy_refusal,
        _ => None,
    });
    let (rest, answer) = ended.unwrap();
    assert_eq!((rest.as_str(), answer.call), ("rest-1", bench.call));
    let ProxyRefusal { code, text } = answer.refusal.unwrap();
    (code, text)
}

#[test]
fn a_name_that_janus_is_about_to_free_is_asked_for_again() {
    for (mut bench, handle, registered) in [(invited(), BOB, "answer yes"), (outgoing(), ALICE, "ask bob")] {
        bench.is_placed();
        bench.has_handle(handle);
        assert_eq!(bench.answers(handle, taken_name()), [""; 0]);
        assert_eq!(bench.due_in(), Some(REGISTER_RETRY_DELAY.as_millis()));
        assert_eq!(bench.after(REGISTER_RETRY_DELAY), [format!("janus {handle} register")]);
        assert_eq!(bench.replies(handle, "registered"), [registered]);
    }
}

#[test]
fn a_name_that_stays_taken_is_refused_with_what_janus_says() {
    let mut bench = invited();
    bench.is_placed();
    bench.has_handle(BOB);
    bench.answers(BOB, taken_name());
    assert_eq!(bench.after(NAME_TAKEN_TIMEOUT), ["janus 12 register"]);
    let transaction = bench.last_message(BOB);
    let again = json!({"janus": "event", "sender": BOB, "transaction": transaction,
        "plugindata": {"data": taken_name()}});
    let said = refusal(&mut bench, |calls, now| calls.on_janus(FromJanus::read(&again.to_string()), now));
    assert_eq!(said, (476, "Username 'bob' already taken".to_owned()));
    bench.is_clean_with_peer();
    let mut bench = outgoing();
    bench.is_placed();
    bench.has_handle(ALICE);
    bench.answers(ALICE, taken_name());
    bench.after(NAME_TAKEN_TIMEOUT);
    assert_eq!(bench.answers(ALICE, taken_name()), ["janus 11 detach", "end", "alice! left: c/error 502"]);
    bench.is_clean_with_peer();
}

#[test]
fn a_peer_that_waits_is_refused_whatever_goes_wrong() {
    let refused = ["end", "answer 502"];
    assert_eq!(invited().is_placed_late(), refused);
    let mut bench = invited();
    bench.goes_down();
    assert_eq!(bench.is_placed(), refused);
    let attaching = || {
        let mut bench = invited();
        bench.is_placed();
        bench
    };
    assert_eq!(attaching().is_gone(Side::Callee), refused);
    assert_eq!(attaching().goes_down(), refused);
    assert_eq!(attaching().after(JANUS_TIMEOUT), ["unanswered", "end", "answer 502"]);
    let mut bench = attaching();
    bench.has_handle(BOB);
    assert_eq!(bench.refuses(BOB, 403), ["janus 12 detach", "end", "answer 502"]);
    bench.is_clean_with_peer();
}

#[test]
fn a_janus_that_dies_ends_the_call_for_our_side() {
    let gone = "The media server is gone";
    assert_eq!(awaited().goes_down(), ["end"]);
    assert_eq!(asking().goes_down(), ["end", "alice! left: c/error 502"]);
    for (mut bench, who, peer) in [(taken(), "bob", "alice"), (answered(), "alice", "bob")] {
        let told = format!("{who} left: hangup({peer}, {gone}), core hangup({gone})");
        assert_eq!(bench.goes_down(), ["end".to_owned(), told, format!("log ended ({gone})")]);
    }
    assert_eq!(bench_detached(taken(), BOB)[..2], ["janus 12 detach", "end"]);
    assert_eq!(bench_detached(awaited(), BOB), ["janus 12 detach", "end"]);
}

fn bench_detached(mut bench: Bench, handle: u64) -> Vec<String> {
    bench.core(handle, "detached")
}

#[test]
fn a_place_that_does_not_say_whose_its_sides_are_is_refused() {
    let mut bench = invited();
    bench.place.proxy_side = None;
    assert_eq!(bench.is_placed(), ["end"]);
    let mut bench = outgoing();
    bench.place.offer = None;
    assert_eq!(bench.is_placed(), ["end", "alice! left: c/error 502"]);
    let mut bench = up();
    bench.place.caller.address = None;
    bench.place.callee.address = None;
    assert_eq!(bench.is_placed(), ["end"]);
    bench.is_clean();
}

#[test]
fn a_call_goes_on_with_the_next_connector_and_our_leg_is_asked_for() {
    for (mut bench, who, handle) in [
        (called(), "bob", BOB),
        (taken(), "bob", BOB),
        (rung(), "alice", ALICE),
        (answered(), "alice", ALICE),
    ] {
        let follows = bench.is_followed(bench.written(), &[OLD]);
        assert_eq!(follows, [format!("{who}: "), format!("janus {handle} accept")]);
        bench.answers(handle, json!({"error_code": 482, "error": "Missing SDP"}));
        let peer = if who == "bob" { "alice" } else { "bob" };
        bench.hangs_up(handle, peer, "bye");
        let told = format!(
            "{who} left: hangup({peer}, bye), hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)"
        );
        let over = [format!("janus {handle} detach"), "destroy 1".to_owned(), "end".to_owned(), told];
        assert_eq!(bench.core_hangup(handle, "Close PC")[..4], over);
        bench.is_clean();
    }
    let mut bench = called();
    bench.is_followed(bench.written(), &[OLD]);
    assert_eq!(bench.is_placed(), ["answer yes"]);
}

#[test]
fn a_call_that_ended_while_no_connector_listened_is_over_for_our_side() {
    let mut bench = answered().goes_on();
    let told = "alice left: hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    let over = bench.answers(ALICE, json!({"error_code": 481, "error": "no"}));
    assert_eq!(over[..4], ["janus 11 detach", "destroy 1", "end", told]);
    let mut bench = taken();
    let told = format!("bob left: hangup(alice, {LOST}), core hangup({LOST})");
    assert_eq!(bench.is_followed(bench.written(), &[])[..2], ["end".to_owned(), told]);
}

#[test]
fn a_call_that_our_side_did_not_know_of_is_set_up_again_by_its_place() {
    let mut bench = awaited();
    assert_eq!(bench.saved.len(), 0);
    assert_eq!(bench.is_followed(None, &[OLD]), ["destroy 1"]);
    assert_eq!(bench.is_placed(), ["janus attach"]);
    bench.has_handle(BOB);
    assert_eq!(bench.replies(BOB, "registered"), ["answer yes"]);
    assert_eq!(bench.alice_calls().len(), 2);

    let mut bench = asking();
    bench.is_followed(None, &[]);
    bench.is_placed();
    bench.has_handle(ALICE);
    assert_eq!(bench.replies(ALICE, "registered"), ["ask bob"]);
    let told = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(User bob busy)";
    assert_eq!(bench.peer_says(Some((480, "User bob busy"))), ["janus 11 detach", "end", told]);
}

#[test]
fn a_peer_that_has_answered_a_former_connector_is_not_asked_again() {
    let mut bench = asking();
    bench.is_followed(None, &[]);
    bench.is_placed();
    assert_eq!(bench.peer_says(None), [""; 0]);
    bench.has_handle(ALICE);
    assert_eq!(bench.replies(ALICE, "registered"), ["janus 11 call+offer"]);
    assert_eq!(bench.replies(ALICE, "calling"), ["log ringing", "alice! joined: c/calling"]);
}

/// The mailbox of a backend with a place in it, and whether that is done.
async fn receipt(ledger: &AckTracker) -> AckGuard {
    let (bus, mailbox) = (bus::Bus::memory(), Mailbox::Backend("a".into()));
    let mut reader = bus.open(mailbox.clone()).await.unwrap();
    bus.post(&mailbox, &Message::new(Body::Hangup(LegRef { call: CallId::fresh(), side: Side::Caller })))
        .await
        .unwrap();
    reader.next().await;
    ledger.track(reader.offset().unwrap())
}

#[tokio::test]
async fn a_slow_peer_does_not_hold_the_mailbox_up() {
    for (mut bench, handle) in [(invited(), BOB), (outgoing(), ALICE)] {
        let ledger = AckTracker::default();
        let (placing, receipt) = (bench.placing(), receipt(&ledger).await);
        let acts = bench.calls.on_message(placing, receipt, bench.now);
        bench.note(acts);
        bench.has_handle(handle);
        bench.replies(handle, "registered");
        bench.after(MAX_ACK_DELAY - Duration::from_millis(1));
        assert!(ledger.acked_through().now_or_never().is_none());
        bench.after(Duration::from_millis(1));
        assert!(ledger.acked_through().now_or_never().is_some());
        assert_eq!(bench.calls.count(), 1);
    }
}
