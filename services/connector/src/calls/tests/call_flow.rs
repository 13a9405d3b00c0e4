//! A call from setup to hangup, as seen by Janus and both clients.

use super::*;
use common::entropy;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn call_is_set_up_rings_is_accepted_and_hung_up() {
    let mut harness = connected();
    assert_eq!(harness.place(), ["janus attach", "janus attach"]);
    assert_eq!(harness.attached(Side::Caller), ["janus 11 register"]);
    assert_eq!(harness.attached(Side::Callee), ["janus 12 register"]);
    assert_eq!(harness.reply(ALICE, "registered"), [""; 0]);
    assert_eq!(harness.reply(BOB, "registered"), ["janus 11 call+offer"]);
    assert_eq!(harness.incoming(), ["log ringing", "bob joined: incomingcall(alice)+offer"]);
    assert_eq!(harness.reply(ALICE, "calling"), ["alice! joined: c/calling"]);
    let accept = json!({"request": "accept"});
    assert_eq!(harness.request(Side::Callee, accept, Some("answer")), ["janus 12 accept+answer"]);
    let accepted = json!({"event": "accepted", "username": harness.alias(Side::Callee)});
    let received = harness.notify(ALICE, accepted, Some("answer"));
    assert_eq!(received, ["alice answered: accepted(bob)+answer"]);
    assert_eq!(harness.reply(BOB, "accepted"), ["bob! answered: t/accepted", "log answered"]);
    let ended = harness.request(Side::Caller, json!({"request": "hangup", "reason": "bye"}), None);
    assert_eq!(
        ended,
        [
            "janus 11 detach",
            "janus 12 detach",
            "end",
            "bob left: hangup(alice, bye), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)",
            "alice! left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)",
            "log ended (bye)",
        ]
    );
    harness.assert_clean();
}

#[test]
fn janus_gets_the_offer_and_one_alias_per_side() {
    let harness = calling();
    let bodies: Vec<&Value> = harness.sent_to_janus.iter().map(|request| &request["body"]).collect();
    let (caller, callee) = (harness.alias(Side::Caller), harness.alias(Side::Callee));
    assert_eq!(bodies[2], &json!({"request": "register", "username": caller}));
    assert_eq!(bodies[3], &json!({"request": "register", "username": callee}));
    assert_eq!(bodies[4], &json!({"request": "call", "username": callee}));
    assert_eq!(harness.sent_to_janus[4]["jsep"], json!({"type": "offer", "sdp": "v=0"}));
    for attach in &harness.sent_to_janus[..2] {
        assert_eq!(attach["plugin"], "janus.plugin.videocall");
        assert_eq!(attach["opaque_id"], harness.call.to_string());
    }
    assert!(harness.sent_to_janus.iter().all(|request| request["session_id"] == 1));
}

#[test]
fn calling_event_answers_the_call_request() {
    let mut harness = calling();
    let transaction = harness.last_message(ALICE);
    let calling = json!({"janus": "event", "sender": ALICE, "transaction": transaction,
        "plugindata": {"data": {"result": {"event": "calling"}}}});
    let actions = harness.calls.on_janus(FromJanus::read(&calling.to_string()), harness.now);
    let [Action::SendToEdge(edge, events)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(edge.as_str(), "edge-1");
    assert_eq!(events.in_reply_to, Some(MessageId::from(harness.call)));
    assert_eq!(events.call, Some(harness.call));
}

#[test]
fn clients_never_see_aliases() {
    let mut harness = calling();
    let mut notified = Vec::new();
    let alias = harness.alias(Side::Caller);
    let incoming = json!({"event": "incomingcall", "username": alias});
    let event = |handle: u64, result: Value| json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": result}}});
    let accepted = json!({"event": "accepted", "username": harness.alias(Side::Callee)});
    let hangup = json!({"event": "hangup", "username": alias, "reason": "Remote WebRTC hangup"});
    for message in [event(BOB, incoming), event(ALICE, accepted), event(BOB, hangup)] {
        notified.extend(harness.calls.on_janus(FromJanus::read(&message.to_string()), harness.now));
    }
    notified.extend(harness.calls.on_timer(harness.now + Duration::from_secs(1)));
    let text = format!(
        "{:?}",
        notified.iter().filter(|action| !matches!(action, Action::SendToJanus(_))).collect::<Vec<_>>()
    );
    assert!(text.contains("alice") && text.contains("bob"));
    assert!(!text.contains("-caller") && !text.contains("-callee"), "{text}");
}

#[test]
fn client_request_is_forwarded_unchanged() {
    let mut harness = talking();
    let set = json!({"request": "SET", "bitrate": 128_000, "more": [1]});
    assert_eq!(harness.request(Side::Caller, set.clone(), Some("offer")), ["janus 11 SET+offer"]);
    assert_eq!(harness.sent_to_janus.last().unwrap()["body"], set);
    assert_eq!(harness.notify(BOB, json!({"event": "update"}), Some("offer")), ["bob: update+offer"]);
    assert_eq!(harness.reply(ALICE, "set"), ["alice!: t/set"]);
}

#[test]
fn relayed_offer_names_the_request_janus_handles_first() {
    let mut harness = talking();
    let [first, second] =
        [0, 1].map(|_| harness.request_message(Side::Callee, json!({"request": "set"}), Some("offer")));
    let ids = [first.id, second.id];
    for message in [first, second] {
        harness.receive(message);
    }
    let mut causes = Vec::new();
    for from_end in [2, 1] {
        let update = json!({"janus": "event", "sender": ALICE, "jsep": {"type": "offer", "sdp": "v=0"},
            "plugindata": {"data": {"videocall": "event", "result": {"event": "update"}}}});
        let actions = harness.calls.on_janus(FromJanus::read(&update.to_string()), harness.now);
        causes.extend(actions.iter().filter_map(|action| match action {
            Action::SendToEdge(_, events) => events.caused_by,
            _ => None,
        }));
        let transaction =
            harness.sent_to_janus[harness.sent_to_janus.len() - from_end]["transaction"].clone();
        harness.janus(json!({"janus": "event", "sender": BOB, "transaction": transaction,
            "plugindata": {"data": {"result": {"event": "set"}}}}));
    }
    assert_eq!(causes, ids);
}

#[test]
fn request_error_does_not_end_the_call() {
    let mut harness = talking();
    harness.request(Side::Callee, json!({"request": "set"}), Some("offer"));
    assert_eq!(harness.refuse(BOB, 465), ["bob!: t/refused 465"]);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(harness.reply_data(BOB, json!({"error_code": 483, "error": "no"})), ["bob!: t/error 483"]);
    assert_eq!(harness.calls.count(), 1);
}

#[test]
fn replayed_settings_are_not_answered() {
    let mut harness = ringing();
    let body = raw(&json!({"request": "set", "audio": true}));
    let replay = LegRequest { leg: harness.leg(Side::Callee), transaction: None, body, jsep: None };
    assert_eq!(harness.receive(Message::new(Body::Request(replay.clone()))), ["janus 12 set"]);
    assert_eq!(harness.reply(BOB, "set"), [""; 0]);
    harness.receive(Message::new(Body::Request(replay)));
    assert_eq!(harness.refuse(BOB, 471), [""; 0]);
}

#[test]
fn refused_accept_does_not_answer_the_call() {
    let mut harness = ringing();
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(harness.reply_data(BOB, json!({"error_code": 483, "error": "no"})), ["bob!: t/error 483"]);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(harness.reply(BOB, "accepted"), ["bob! answered: t/accepted", "log answered"]);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(harness.reply(BOB, "accepted"), ["bob! answered: t/accepted"]);
}

#[test]
fn log_has_the_duration_of_the_call() {
    let clock = Rc::new(Cell::new(1_000_000));
    let time = clock.clone();
    entropy::simulate(1, move || time.get());
    let mut harness = talking();
    clock.set(1_007_000);
    let actions = harness.calls.on_message(
        Message::new(Body::Hangup(harness.leg(Side::Callee))),
        AckGuard::default(),
        harness.now,
    );
    let log = actions.iter().find_map(|action| {
        if let Action::EndCall(ended) = action {
            ended.notices.log.clone().map(|(line, _)| line)
        } else {
            None
        }
    });
    let log = log.unwrap();
    assert_eq!((log.caller.as_str(), log.callee.as_str(), log.duration_ms), ("alice", "bob", Some(7_000)));
}
