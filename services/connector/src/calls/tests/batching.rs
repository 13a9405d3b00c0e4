//! Events from Janus that gather to travel together are never overtaken.

use super::*;

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn candidates_travel_together_within_ten_milliseconds() {
    let mut bench = talking();
    assert_eq!(bench.core(ALICE, "trickle"), [""; 0]);
    assert_eq!(bench.due_in(), Some(10));
    assert_eq!(bench.after(MOMENT * 9), [""; 0]);
    assert_eq!(bench.core(ALICE, "trickle"), [""; 0]);
    assert_eq!(bench.core(BOB, "trickle"), [""; 0]);
    assert_eq!(bench.after(MOMENT), ["alice: core trickle, core trickle"]);
    assert_eq!(bench.after(MOMENT * 9), ["bob: core trickle"]);
    assert_eq!(bench.after(MOMENT * 100), [""; 0]);
}

#[test]
fn news_of_media_travel_together_within_forty_milliseconds() {
    let mut bench = talking();
    for name in ["webrtcup", "media", "media", "slowlink"] {
        assert_eq!(bench.core(BOB, name), [""; 0]);
        bench.now += MOMENT * 10;
    }
    assert_eq!(bench.after(Duration::ZERO), ["bob: core webrtcup, core media, core media, core slowlink"]);
}

#[test]
fn a_candidate_hurries_what_gathered_before_it() {
    let mut bench = talking();
    bench.core(ALICE, "webrtcup");
    assert_eq!(bench.due_in(), Some(40));
    bench.core(ALICE, "trickle");
    assert_eq!(bench.due_in(), Some(10));
    bench.core(ALICE, "media");
    assert_eq!(bench.after(MOMENT * 10), ["alice: core webrtcup, core trickle, core media"]);
}

#[test]
fn a_plugin_event_does_not_overtake_what_gathered() {
    let mut bench = talking();
    bench.core(ALICE, "media");
    assert_eq!(bench.notifies(ALICE, json!({"event": "update"}), None), ["alice: core media, update"]);
    assert_eq!(bench.after(MOMENT * 100), [""; 0]);
}

#[test]
fn an_answer_does_not_overtake_what_gathered() {
    let mut bench = talking();
    bench.asks(Side::Caller, json!({"request": "set"}), None);
    bench.core(ALICE, "media");
    assert_eq!(bench.replies(ALICE, "set"), ["alice!: core media, t/set"]);
    bench.asks(Side::Caller, json!({"request": "set"}), Some("offer"));
    bench.core(ALICE, "media");
    assert_eq!(bench.refuses(ALICE, 465), ["alice!: core media, t/refused 465"]);
}

#[test]
fn the_end_does_not_overtake_what_gathered() {
    let mut bench = talking();
    bench.core(BOB, "slowlink");
    let ended = bench.is_gone(Side::Caller);
    assert!(ended.iter().any(|line| line.starts_with("bob left: core slowlink, hangup(")), "{ended:?}");
    assert_eq!(bench.after(MOMENT * 100), [""; 0]);
}

#[test]
fn what_gathers_for_one_side_does_not_hold_up_the_other() {
    let mut bench = talking();
    bench.core(ALICE, "media");
    assert_eq!(bench.notifies(BOB, json!({"event": "update"}), None), ["bob: update"]);
    assert_eq!(bench.after(MOMENT * 40), ["alice: core media"]);
}
