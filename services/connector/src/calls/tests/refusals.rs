//! Janus refuses what a call needs: the caller hears it, the callee never hears of the call.

use super::*;

fn attach_error(bench: &mut Bench, code: u16) -> Vec<String> {
    let transaction = bench.transaction(|it| it["janus"] == "attach");
    bench.janus(json!({"janus": "error", "transaction": transaction,
        "error": {"code": code, "reason": "no"}}))
}

#[test]
fn a_janus_that_attaches_no_handle_does_not_take_the_call() {
    let mut bench = attaching();
    assert_eq!(attach_error(&mut bench, 461), ["end", "alice! left: c/error 502"]);
    assert_eq!(bench.is_attached(Side::Caller), ["janus 11 detach"]);
    bench.is_clean();
}

#[test]
fn a_janus_that_attaches_only_one_handle_gets_that_back() {
    let mut bench = attaching();
    bench.is_attached(Side::Caller);
    assert_eq!(attach_error(&mut bench, 461), ["janus 11 detach", "end", "alice! left: c/error 502"]);
    bench.is_clean();
}

#[test]
fn a_janus_that_registers_no_name_does_not_take_the_call() {
    let refused = ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/error 502"];
    let mut bench = registering();
    assert_eq!(bench.answers(ALICE, json!({"error_code": 476, "error": "taken"})), refused);
    bench.is_clean();
    let mut bench = registering();
    bench.replies(ALICE, "registered");
    assert_eq!(bench.refuses(BOB, 462), refused);
    assert_eq!(bench.replies(BOB, "registered"), [""; 0]);
    bench.is_clean();
}

#[test]
fn what_janus_says_against_the_offer_is_said_to_the_caller() {
    let mut bench = calling();
    let refused = bench.refuses(ALICE, 465);
    assert_eq!(refused, ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/refused 465"]);
    bench.is_clean();
    let mut bench = calling();
    let refused = bench.answers(ALICE, json!({"error_code": 483, "error": "no"}));
    assert_eq!(refused, ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/error 483"]);
    bench.is_clean();
}

#[test]
fn a_callee_that_rings_already_hears_that_it_is_over() {
    let mut bench = calling();
    bench.incoming();
    assert_eq!(
        bench.refuses(ALICE, 465)[2..],
        [
            "end",
            "alice! left: c/refused 465",
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "log ended (refused by the media server)",
        ]
    );
    bench.is_clean();
}

#[test]
fn only_a_call_that_rang_is_in_the_log() {
    let mut bench = calling();
    assert!(!bench.is_gone(Side::Caller).iter().any(|line| line.starts_with("log")));
}
