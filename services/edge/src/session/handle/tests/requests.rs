//! Where requests are handled, when their `ack` is sent, and their order.

use super::*;

const ANSWER: &str = "answer";
const OFFER: &str = "offer";

fn jsep(text: &str) -> Option<Kind> {
    match text {
        OFFER => Some(Kind::Offer),
        ANSWER => Some(Kind::Answer),
        _ => None,
    }
}

#[test]
fn requests_outside_a_call_go_to_routers_or_stay_local() {
    for (body, with, expected) in [
        (json!({"request": "register", "username": "al"}), "", vec!["ack t", "router: register"]),
        (json!({"request": "call", "username": "bob"}), OFFER, vec!["router: call"]),
        (json!({"request": "call", "username": "bob"}), "", vec!["ack t", "router: call"]),
        (json!({"request": "list"}), "", vec!["ack t", "router: list"]),
        (json!({"request": "LIST"}), "", vec!["ack t", "router: list"]),
        (json!({"request": "exists", "username": "bob"}), "", vec!["ack t", "router: exists"]),
        (json!({"request": "set", "audio": true}), "", vec!["ack t", "t: set"]),
        (json!({"request": "set", "audio": 5}), "", vec!["ack t", "t: error 474"]),
        (json!({"request": "set", "record": true}), "", vec!["ack t", "t: error 499"]),
        (json!({"request": "set"}), OFFER, vec!["ack t", "t: set"]),
        (json!({"request": "accept"}), "", vec!["ack t", "t: error 481"]),
        (json!({"request": "hangup"}), "", vec!["ack t", "t: hangup"]),
        (json!({"request": "dance"}), "", vec!["ack t", "t: error 472"]),
        (json!({"request": "dance"}), OFFER, vec!["ack t", "t: error 472"]),
        (json!({}), "", vec!["ack t", "t: error 475"]),
        (json!({"request": 5}), "", vec!["ack t", "t: error 474"]),
    ] {
        assert_eq!(fresh().message("t", body.clone(), jsep(with)), expected, "{body} {with}");
    }
}

#[test]
fn requests_about_the_call_go_to_its_connector() {
    for (body, with, expected) in [
        (json!({"request": "accept"}), ANSWER, vec!["leg: accept"]),
        (json!({"request": "accept"}), "", vec!["ack t", "leg: accept"]),
        (json!({"request": "set", "audio": true}), "", vec!["ack t", "leg: set"]),
        (json!({"request": "set"}), OFFER, vec!["leg: set"]),
        (json!({"request": "set"}), ANSWER, vec!["leg: set"]),
        (json!({"request": "set", "substream": 9}), "", vec!["ack t", "t: error 474"]),
        (json!({"request": "hangup"}), "", vec!["ack t", "leg: hangup"]),
        (json!({"request": "list"}), "", vec!["ack t", "router: list"]),
        (json!({"request": "register", "username": "x"}), "", vec!["ack t", "router: register"]),
        (json!({"request": "call", "username": "x"}), OFFER, vec!["router: call"]),
    ] {
        let (mut bob, _) = ringing(Side::Callee);
        assert_eq!(bob.message("t", body.clone(), jsep(with)), expected, "{body} {with}");
    }
}

#[test]
fn sdp_answer_without_a_call_is_unexpected() {
    for body in
        [json!({"request": "accept"}), json!({"request": "set"}), json!({"request": "dance"}), json!({})]
    {
        assert_eq!(registered().sends_answer("t", body), ["refused t 469"]);
    }
}

#[test]
fn hangup_without_a_call_names_the_client() {
    let hangup = |mut harness: Harness| {
        let mut cx = Cx::new(harness.now);
        let body = raw(&json!({"request": "hangup"}));
        harness.handle.on_message("t", &body, None, &mut cx);
        let Some(Action::SendToClient(_, text)) = cx.into_actions().pop() else { panic!("an event is sent") };
        serde_json::from_str::<Value>(&text).unwrap()["plugindata"]["data"]["result"].clone()
    };
    assert_eq!(hangup(fresh()), json!({"event": "hangup", "reason": "Explicit hangup"}));
    let named = json!({"event": "hangup", "username": "alice", "reason": "Explicit hangup"});
    assert_eq!(hangup(registered()), named);
    let mut displaced = registered();
    displaced.receives(events(None, None, Some(Change::Displaced("alice".to_owned())), vec![]));
    assert_eq!(hangup(displaced), json!({"event": "hangup", "reason": "Explicit hangup"}));
}

#[test]
fn one_request_is_in_flight_at_a_time() {
    let mut alice = registered();
    assert_eq!(alice.sends("1", json!({"request": "list"})), ["ack 1", "router: list"]);
    assert_eq!(alice.sends("2", json!({"request": "set"})), ["ack 2"]);
    assert_eq!(alice.sends("3", json!({"request": "exists", "username": "bob"})), ["ack 3"]);
    assert_eq!(alice.calls("4"), [""; 0]);
    let actions = alice.gets_reply(None, vec![result("1", "listed")]);
    assert_eq!(actions, ["1: listed", "2: set", "router: exists"]);
    assert_eq!(alice.gets_reply(None, vec![result("3", "known")]), ["3: known", "router: call"]);
}

#[test]
fn queued_requests_are_bounded() {
    let mut alice = registered();
    alice.sends("first", json!({"request": "list"}));
    for _ in 0..64 {
        assert_eq!(alice.sends("t", json!({"request": "list"})), ["ack t"]);
    }
    assert_eq!(alice.sends("more", json!({"request": "list"})), ["refused more 490"]);
    assert_eq!(alice.calls("more"), ["refused more 490"]);
    alice.gets_reply(None, vec![]);
    assert_eq!(alice.sends("again", json!({"request": "list"})), ["ack again"]);
}

#[test]
fn settings_from_before_a_call_are_sent_once() {
    let mut alice = registered();
    alice.sends("1", json!({"request": "set", "audio": true, "bitrate": 1}));
    alice.sends("2", json!({"request": "set", "bitrate": 2, "filename": "x"}));
    alice.sends("3", json!({"request": "set", "bitrate": "much"}));
    let call = CallId::fresh();
    let replay = r#"leg: replay {"request":"set","audio":true,"bitrate":2}"#;
    assert_eq!(alice.joined(call, Side::Callee), ["incomingcall", replay]);
    alice.left(call);
    assert_eq!(alice.joined(CallId::fresh(), Side::Callee), ["incomingcall"]);
}
