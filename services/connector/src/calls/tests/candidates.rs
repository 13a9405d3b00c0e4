//! Candidates of clients reach Janus when it wants them, and in order.

use super::*;

#[test]
fn candidates_of_both_are_held_until_the_call_is_accepted() {
    let mut bench = ringing();
    assert_eq!(bench.trickles(Side::Caller, &["a", "b"]), [""; 0]);
    assert_eq!(bench.trickles(Side::Callee, &["x"]), [""; 0]);
    assert_eq!(bench.trickles(Side::Caller, &["c"]), [""; 0]);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(bench.trickles(Side::Callee, &["y"]), [""; 0]);
    assert_eq!(
        bench.replies(BOB, "accepted"),
        [
            "bob! answered: t/accepted",
            "log answered",
            r#"janus 11 trickle ["a","b","c"]"#,
            r#"janus 12 trickle ["x","y"]"#
        ]
    );
    assert_eq!(bench.trickles(Side::Caller, &["d"]), [r#"janus 11 trickle ["d"]"#]);
    assert_eq!(bench.trickles(Side::Callee, &["z"]), [r#"janus 12 trickle ["z"]"#]);
}

#[test]
fn candidates_wait_also_when_the_caller_hears_of_the_answer_first() {
    let mut bench = ringing();
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.notifies(ALICE, json!({"event": "accepted"}), Some("answer"));
    assert_eq!(bench.trickles(Side::Caller, &["a"]), [""; 0]);
    let heard = bench.replies(BOB, "accepted");
    assert_eq!(heard, ["bob! answered: t/accepted", "log answered", r#"janus 11 trickle ["a"]"#]);
}

#[test]
fn of_too_many_candidates_the_oldest_are_dropped() {
    let mut bench = ringing();
    let many: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    bench.trickles(Side::Caller, &many[..300]);
    bench.trickles(Side::Caller, &many[300..]);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.replies(BOB, "accepted");
    let sent = bench.said.last().unwrap()["candidates"].as_array().unwrap();
    assert_eq!((sent.len(), &sent[0], sent.last().unwrap()), (512, &json!("88"), &json!("599")));
}

#[test]
fn candidates_of_a_call_that_is_not_here_go_nowhere() {
    let mut bench = up();
    assert_eq!(bench.trickles(Side::Caller, &["a"]), [""; 0]);
    let mut bench = talking();
    bench.hangs_up_core(Side::Caller);
    assert_eq!(bench.trickles(Side::Callee, &["a"]), [""; 0]);
}

#[test]
fn candidates_of_janus_that_come_before_the_call_travel_with_it() {
    let mut bench = calling();
    assert_eq!(bench.core(BOB, "trickle"), [""; 0]);
    assert_eq!(bench.core(ALICE, "trickle"), [""; 0]);
    assert_eq!(bench.core(ALICE, "trickle"), [""; 0]);
    assert_eq!(bench.due_in(), Some(crate::calls::transactions::JANUS_TIMEOUT.as_millis()));
    let heard = bench.incoming();
    assert_eq!(heard, ["log ringing", "bob joined: incomingcall(alice)+offer, core trickle"]);
    let heard = bench.replies(ALICE, "calling");
    assert_eq!(heard, ["alice! joined: c/calling, core trickle, core trickle"]);
}
