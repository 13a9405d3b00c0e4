//! Janus refuses a request of the setup: the caller is refused, and the callee never learns of the call.

use super::*;

fn attach_error(harness: &mut Harness, code: u16) -> Vec<String> {
    let transaction = harness.transaction(|it| it["janus"] == "attach");
    harness.janus(json!({"janus": "error", "transaction": transaction,
        "error": {"code": code, "reason": "no"}}))
}

#[test]
fn attach_error_refuses_the_call() {
    let mut harness = attaching();
    assert_eq!(attach_error(&mut harness, 461), ["end", "alice! left: c/error 502"]);
    assert_eq!(harness.attached(Side::Caller), ["janus 11 detach"]);
    harness.assert_clean();
}

#[test]
fn attach_error_detaches_the_other_handle() {
    let mut harness = attaching();
    harness.attached(Side::Caller);
    assert_eq!(attach_error(&mut harness, 461), ["janus 11 detach", "end", "alice! left: c/error 502"]);
    harness.assert_clean();
}

#[test]
fn register_error_refuses_the_call() {
    let refused = ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/error 502"];
    let mut harness = registering();
    assert_eq!(harness.reply_data(ALICE, json!({"error_code": 476, "error": "taken"})), refused);
    harness.assert_clean();
    let mut other = registering();
    other.reply(ALICE, "registered");
    assert_eq!(other.refuse(BOB, 462), refused);
    assert_eq!(other.reply(BOB, "registered"), [""; 0]);
    other.assert_clean();
}

#[test]
fn offer_error_is_forwarded_to_the_caller() {
    let mut harness = calling();
    let refused = harness.refuse(ALICE, 465);
    assert_eq!(refused, ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/refused 465"]);
    harness.assert_clean();
    let mut other = calling();
    let plugin_refused = other.reply_data(ALICE, json!({"error_code": 483, "error": "no"}));
    assert_eq!(plugin_refused, ["janus 11 detach", "janus 12 detach", "end", "alice! left: c/error 483"]);
    other.assert_clean();
}

#[test]
fn ringing_callee_is_notified_of_a_refusal() {
    let mut harness = calling();
    harness.incoming();
    assert_eq!(
        harness.refuse(ALICE, 465)[2..],
        [
            "end",
            "alice! left: c/refused 465",
            "bob left: hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "log ended (refused by the media server)",
        ]
    );
    harness.assert_clean();
}

#[test]
fn unrung_call_is_not_logged() {
    let mut harness = calling();
    assert!(!harness.client_gone(Side::Caller).iter().any(|line| line.starts_with("log")));
}
