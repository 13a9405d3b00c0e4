//! Messages come twice, late, or before what they are about; Janus goes and comes.

use super::*;
use crate::calls::ended_calls::ENDED_CALL_TTL;
use crate::calls::transactions::JANUS_TIMEOUT;

const NOT_BEGUN: [&str; 2] =
    ["end", "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(Close PC)"];
const REFUSED: [&str; 2] = ["end", "alice! left: c/error 502"];

#[test]
fn a_place_that_comes_twice_is_one_call() {
    for mut bench in [attaching(), registering(), calling(), ringing(), talking()] {
        assert_eq!(bench.is_placed(), [""; 0]);
        assert_eq!(bench.calls.count(), 1);
    }
}

#[test]
fn a_place_that_comes_again_after_the_end_is_not_begun_but_frees_what_it_took() {
    let mut bench = ringing();
    bench.hangs_up_core(Side::Caller);
    assert_eq!(bench.is_placed(), NOT_BEGUN);
    bench.is_clean();
}

#[test]
fn a_call_that_ended_before_its_place_is_not_begun() {
    let mut bench = up();
    assert_eq!(bench.is_gone(Side::Caller), ["end"]);
    assert_eq!(bench.is_placed(), NOT_BEGUN);
    let mut bench = up();
    assert_eq!(bench.hangs_up_core(Side::Callee), [""; 0]);
    assert_eq!(bench.is_placed(), NOT_BEGUN);
    bench.is_clean();
}

#[test]
fn a_place_that_nobody_waits_for_any_more_is_not_begun() {
    let mut bench = up();
    assert_eq!(bench.is_placed_late(), REFUSED);
    bench.is_clean();
}

#[test]
fn a_place_without_a_janus_is_refused() {
    let mut bench = up();
    bench.goes_down();
    assert_eq!(bench.is_placed(), REFUSED);
    bench.is_clean();
}

#[test]
fn a_request_that_nobody_waits_for_any_more_is_not_done() {
    let mut bench = talking();
    let late = |message| Message { deadline: Some(Deadline(1)), ..message };
    let set = late(bench.request(Side::Caller, json!({"request": "set"}), None));
    assert_eq!(bench.hears(set), [""; 0]);
    let hangup = late(bench.request(Side::Caller, json!({"request": "hangup"}), None));
    assert_eq!(bench.hears(hangup), [""; 0]);
    assert_eq!(bench.calls.count(), 1);
}

#[test]
fn what_is_about_a_call_that_is_not_here_is_let_be() {
    let mut bench = up();
    assert_eq!(bench.asks(Side::Caller, json!({"request": "set"}), None), [""; 0]);
    assert_eq!(bench.asks(Side::Caller, json!({"request": "hangup"}), None), [""; 0]);
    assert_eq!(bench.core(ALICE, "media"), [""; 0]);
    assert_eq!(bench.notifies(ALICE, json!({"event": "update"}), None), [""; 0]);
    assert_eq!(bench.janus(json!({"janus": "success", "transaction": "99"})), [""; 0]);
    let error = json!({"janus": "error", "transaction": "9", "error": {"code": 1, "reason": "no"}});
    assert_eq!(bench.janus(error), [""; 0]);
    bench.is_clean();
}

#[test]
fn a_handle_that_comes_after_the_end_is_given_back() {
    let mut bench = attaching();
    assert_eq!(bench.is_gone(Side::Caller)[0], "end");
    assert_eq!(bench.is_attached(Side::Callee), ["janus 12 detach"]);
    assert_eq!(bench.is_attached(Side::Caller), ["janus 11 detach"]);
    bench.is_clean();
}

#[test]
fn a_janus_that_goes_down_ends_every_call_and_is_told_nothing() {
    let gone = "The media server is gone";
    let told = [
        "end".to_owned(),
        format!("alice left: hangup(bob, {gone}), core hangup({gone})"),
        format!("bob left: hangup(alice, {gone}), core hangup({gone})"),
        format!("log ended ({gone})"),
    ];
    for mut bench in [attaching(), registering(), calling()] {
        assert_eq!(bench.goes_down(), REFUSED);
        assert!(bench.calls.is_empty());
    }
    for mut bench in [ringing(), talking()] {
        assert_eq!(bench.goes_down(), told);
        bench.is_clean();
    }
    assert_eq!(up().goes_down(), [""; 0]);
}

#[test]
fn a_janus_that_came_back_takes_calls_in_its_new_session() {
    let mut bench = talking();
    bench.goes_down();
    bench.calls.on_janus_up(2);
    bench.said.clear();
    bench.call = CallId::fresh();
    assert_eq!(bench.is_placed(), ["janus attach", "janus attach"]);
    bench.is_attached(Side::Caller);
    assert!(bench.said.iter().all(|request| request["session_id"] == 2));
    assert_eq!(bench.core(BOB, "media"), [""; 0]);
}

#[test]
fn an_ended_call_is_remembered_for_a_minute() {
    let mut bench = ringing();
    bench.hangs_up_core(Side::Caller);
    assert_eq!(bench.after(ENDED_CALL_TTL - Duration::from_millis(1)), [""; 0]);
    assert_eq!(bench.is_placed(), NOT_BEGUN);
    bench.after(Duration::from_millis(1));
    assert_eq!(bench.is_placed(), ["janus attach", "janus attach"]);
}

#[test]
fn ended_calls_are_forgotten_though_nothing_else_happens() {
    let mut bench = ringing();
    bench.hangs_up_core(Side::Caller);
    bench.after(JANUS_TIMEOUT);
    assert_eq!(bench.due_in(), Some((ENDED_CALL_TTL - JANUS_TIMEOUT).as_millis()));
    bench.after(ENDED_CALL_TTL - JANUS_TIMEOUT);
    assert_eq!(bench.due_in(), None);
}
