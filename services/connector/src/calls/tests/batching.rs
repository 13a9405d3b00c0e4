//! Events that are batched are never overtaken.

use super::*;

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn candidates_are_batched_for_10_ms() {
    let mut harness = talking();
    assert_eq!(harness.core_event(ALICE, "trickle"), [""; 0]);
    assert_eq!(harness.next_timer_ms(), Some(10));
    assert_eq!(harness.advance(MOMENT * 9), [""; 0]);
    assert_eq!(harness.core_event(ALICE, "trickle"), [""; 0]);
    assert_eq!(harness.core_event(BOB, "trickle"), [""; 0]);
    assert_eq!(harness.advance(MOMENT), ["alice: core trickle, core trickle"]);
    assert_eq!(harness.advance(MOMENT * 9), ["bob: core trickle"]);
    assert_eq!(harness.advance(MOMENT * 100), [""; 0]);
}

#[test]
fn media_events_are_batched_for_40_ms() {
    let mut harness = talking();
    for name in ["webrtcup", "media", "media", "slowlink"] {
        assert_eq!(harness.core_event(BOB, name), [""; 0]);
        harness.now += MOMENT * 10;
    }
    assert_eq!(
        harness.advance(Duration::ZERO),
        ["bob: core webrtcup, core media, core media, core slowlink"]
    );
}

#[test]
fn candidate_shortens_the_batch_window() {
    let mut harness = talking();
    harness.core_event(ALICE, "webrtcup");
    assert_eq!(harness.next_timer_ms(), Some(40));
    harness.core_event(ALICE, "trickle");
    assert_eq!(harness.next_timer_ms(), Some(10));
    harness.core_event(ALICE, "media");
    assert_eq!(harness.advance(MOMENT * 10), ["alice: core webrtcup, core trickle, core media"]);
}

#[test]
fn plugin_event_follows_the_batch() {
    let mut harness = talking();
    harness.core_event(ALICE, "media");
    assert_eq!(harness.notify(ALICE, json!({"event": "update"}), None), ["alice: core media, update"]);
    assert_eq!(harness.advance(MOMENT * 100), [""; 0]);
}

#[test]
fn reply_follows_the_batch() {
    let mut harness = talking();
    harness.request(Side::Caller, json!({"request": "set"}), None);
    harness.core_event(ALICE, "media");
    assert_eq!(harness.reply(ALICE, "set"), ["alice!: core media, t/set"]);
    harness.request(Side::Caller, json!({"request": "set"}), Some("offer"));
    harness.core_event(ALICE, "media");
    assert_eq!(harness.refuse(ALICE, 465), ["alice!: core media, t/refused 465"]);
}

#[test]
fn end_follows_the_batch() {
    let mut harness = talking();
    harness.core_event(BOB, "slowlink");
    let ended = harness.client_gone(Side::Caller);
    assert!(ended.iter().any(|line| line.starts_with("bob left: core slowlink, hangup(")), "{ended:?}");
    assert_eq!(harness.advance(MOMENT * 100), [""; 0]);
}

#[test]
fn batches_of_the_sides_are_independent() {
    let mut harness = talking();
    harness.core_event(ALICE, "media");
    assert_eq!(harness.notify(BOB, json!({"event": "update"}), None), ["bob: update"]);
    assert_eq!(harness.advance(MOMENT * 40), ["alice: core media"]);
}
