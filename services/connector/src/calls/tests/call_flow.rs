//! A call from its beginning to its end, as Janus and both clients see it.

use super::*;
use common::entropy;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn a_call_is_set_up_rings_is_accepted_and_hung_up() {
    let mut bench = up();
    assert_eq!(bench.is_placed(), ["janus attach", "janus attach"]);
    assert_eq!(bench.is_attached(Side::Caller), ["janus 11 register"]);
    assert_eq!(bench.is_attached(Side::Callee), ["janus 12 register"]);
    assert_eq!(bench.replies(ALICE, "registered"), [""; 0]);
    assert_eq!(bench.replies(BOB, "registered"), ["janus 11 call+offer"]);
    assert_eq!(bench.incoming(), ["log ringing", "bob joined: incomingcall(alice)+offer"]);
    assert_eq!(bench.replies(ALICE, "calling"), ["alice! joined: c/calling"]);
    let accept = json!({"request": "accept"});
    assert_eq!(bench.asks(Side::Callee, accept, Some("answer")), ["janus 12 accept+answer"]);
    let accepted = json!({"event": "accepted", "username": bench.alias(Side::Callee)});
    let heard = bench.notifies(ALICE, accepted, Some("answer"));
    assert_eq!(heard, ["alice answered: accepted(bob)+answer"]);
    assert_eq!(bench.replies(BOB, "accepted"), ["bob! answered: t/accepted", "log answered"]);
    let ended = bench.asks(Side::Caller, json!({"request": "hangup", "reason": "bye"}), None);
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
    bench.is_clean();
}

#[test]
fn janus_gets_the_callers_offer_and_a_name_of_this_call_for_each_side() {
    let bench = calling();
    let bodies: Vec<&Value> = bench.said.iter().map(|request| &request["body"]).collect();
    let (caller, callee) = (bench.alias(Side::Caller), bench.alias(Side::Callee));
    assert_eq!(bodies[2], &json!({"request": "register", "username": caller}));
    assert_eq!(bodies[3], &json!({"request": "register", "username": callee}));
    assert_eq!(bodies[4], &json!({"request": "call", "username": callee}));
    assert_eq!(bench.said[4]["jsep"], json!({"type": "offer", "sdp": "v=0"}));
    for attach in &bench.said[..2] {
        assert_eq!(attach["plugin"], "janus.plugin.videocall");
        assert_eq!(attach["opaque_id"], bench.call.to_string());
    }
    assert!(bench.said.iter().all(|request| request["session_id"] == 1));
}

#[test]
fn the_callers_answer_goes_to_the_request_that_asked_for_the_call() {
    let mut bench = calling();
    let transaction = bench.last_message(ALICE);
    let calling = json!({"janus": "event", "sender": ALICE, "transaction": transaction,
        "plugindata": {"data": {"result": {"event": "calling"}}}});
    let acts = bench.calls.on_janus(FromJanus::read(&calling.to_string()), bench.now);
    let [Action::SendToEdge(edge, events)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(edge.as_str(), "edge-1");
    assert_eq!(events.in_reply_to, Some(MessageId::from(bench.call)));
    assert_eq!(events.call, Some(bench.call));
}

#[test]
fn no_client_ever_sees_a_name_that_janus_knows() {
    let mut bench = calling();
    let mut told = Vec::new();
    let alias = bench.alias(Side::Caller);
    let incoming = json!({"event": "incomingcall", "username": alias});
    let event = |handle: u64, result: Value| json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": result}}});
    let accepted = json!({"event": "accepted", "username": bench.alias(Side::Callee)});
    let hangup = json!({"event": "hangup", "username": alias, "reason": "Remote WebRTC hangup"});
    for message in [event(BOB, incoming), event(ALICE, accepted), event(BOB, hangup)] {
        told.extend(bench.calls.on_janus(FromJanus::read(&message.to_string()), bench.now));
    }
    told.extend(bench.calls.on_timer(bench.now + Duration::from_secs(1)));
    let text =
        format!("{:?}", told.iter().filter(|act| !matches!(act, Action::SendToJanus(_))).collect::<Vec<_>>());
    assert!(text.contains("alice") && text.contains("bob"));
    assert!(!text.contains("-caller") && !text.contains("-callee"), "{text}");
}

#[test]
fn a_request_on_a_leg_goes_to_janus_as_its_client_wrote_it_and_back() {
    let mut bench = talking();
    let set = json!({"request": "SET", "bitrate": 128_000, "more": [1]});
    assert_eq!(bench.asks(Side::Caller, set.clone(), Some("offer")), ["janus 11 SET+offer"]);
    assert_eq!(bench.said.last().unwrap()["body"], set);
    assert_eq!(bench.notifies(BOB, json!({"event": "update"}), Some("offer")), ["bob: update+offer"]);
    assert_eq!(bench.replies(ALICE, "set"), ["alice!: t/set"]);
}

#[test]
fn an_error_on_a_leg_is_its_clients_alone_and_the_call_goes_on() {
    let mut bench = talking();
    bench.asks(Side::Callee, json!({"request": "set"}), Some("offer"));
    assert_eq!(bench.refuses(BOB, 465), ["bob!: t/refused 465"]);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(bench.answers(BOB, json!({"error_code": 483, "error": "no"})), ["bob!: t/error 483"]);
    assert_eq!(bench.calls.count(), 1);
}

#[test]
fn settings_that_an_edge_replays_are_answered_to_nobody() {
    let mut bench = ringing();
    let body = raw(&json!({"request": "set", "audio": true}));
    let replay = LegRequest { leg: bench.leg(Side::Callee), transaction: None, body, jsep: None };
    assert_eq!(bench.hears(Message::new(Body::Request(replay.clone()))), ["janus 12 set"]);
    assert_eq!(bench.replies(BOB, "set"), [""; 0]);
    bench.hears(Message::new(Body::Request(replay)));
    assert_eq!(bench.refuses(BOB, 471), [""; 0]);
}

#[test]
fn an_accept_that_is_refused_is_no_answer() {
    let mut bench = ringing();
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(bench.answers(BOB, json!({"error_code": 483, "error": "no"})), ["bob!: t/error 483"]);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(bench.replies(BOB, "accepted"), ["bob! answered: t/accepted", "log answered"]);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert_eq!(bench.replies(BOB, "accepted"), ["bob! answered: t/accepted"]);
}

#[test]
fn the_log_says_how_long_a_call_was() {
    let clock = Rc::new(Cell::new(1_000_000));
    let time = clock.clone();
    entropy::simulate(1, move || time.get());
    let mut bench = talking();
    clock.set(1_007_000);
    let acts = bench.calls.on_message(
        Message::new(Body::Hangup(bench.leg(Side::Callee))),
        AckGuard::default(),
        bench.now,
    );
    let log = acts.iter().find_map(|act| {
        if let Action::EndCall(ended) = act { ended.notices.log.clone().map(|(line, _)| line) } else { None }
    });
    let log = log.unwrap();
    assert_eq!((log.caller.as_str(), log.callee.as_str(), log.duration_ms), ("alice", "bob", Some(7_000)));
}
