//! Scenarios of calls, shared by all servers that behave like Janus.

use serde_json::{Value, json};
use testkit::message::event;
use testkit::{Client, sdp};

/// Declares a test for each scenario, with a freshly started server.
macro_rules! scenarios_at {
    ($server:ident) => {
        scenarios_at! { $server:
            happy_call,
            both_sides_get_candidates_of_janus,
            decline,
            a_second_call_the_other_way,
            busy,
            detach_in_a_call,
            destroy_while_it_rings,
            core_hangup_in_a_call,
            errors_of_the_plugin,
            a_call_during_a_call_ends_it,
            renegotiation,
            errors_of_the_core,
            a_session_outlives_its_socket,
            a_claim_moves_the_events,
        }
    };
    ($server:ident: $($scenario:ident),* $(,)?) => { $(
        #[tokio::test]
        async fn $scenario() {
            let server = $server::start().await;
            scenarios::$scenario(&server.url()).await;
        }
    )* };
}

/// Returns two registered clients.
async fn alice_and_bob(url: &str) -> (Client, Client) {
    (Client::registered(url, "alice").await, Client::registered(url, "bob").await)
}

/// Returns two clients whose call rings.
async fn ringing(url: &str) -> (Client, Client) {
    let (mut alice, mut bob) = alice_and_bob(url).await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    (alice, bob)
}

/// Returns two clients in an established call.
async fn in_call(url: &str) -> (Client, Client) {
    let (mut alice, mut bob) = ringing(url).await;
    bob.accept().await;
    alice.expect_event("accepted").await;
    (alice, bob)
}

/// Waits for the second `hangup`, which follows once the PeerConnections are closed.
async fn expect_late_hangups(client: &mut Client, peer: &str) {
    client.expect_result(hangup(peer, "Remote WebRTC hangup")).await;
    assert_eq!(client.expect_core("hangup").await["reason"], "Close PC");
}

fn hangup(username: &str, reason: &str) -> Value {
    json!({"event": "hangup", "username": username, "reason": reason})
}

pub async fn happy_call(url: &str) {
    let (mut alice, mut bob) = alice_and_bob(url).await;

    alice.call("bob").await;
    let (incoming, offer) = bob.expect_event("incomingcall").await;
    assert_eq!(incoming, json!({"event": "incomingcall", "username": "alice"}));
    assert_eq!(offer["type"], "offer");
    assert!(offer["sdp"].as_str().unwrap().contains("opus"));
    alice.trickle(sdp::candidate(1)).await;
    alice.trickle(sdp::end_of_candidates()).await;

    bob.accept().await;
    let (accepted, answer) = alice.expect_event("accepted").await;
    assert_eq!(accepted, json!({"event": "accepted", "username": "bob"}));
    assert_eq!(answer["type"], "answer");
    bob.trickle_all(vec![sdp::candidate(2), sdp::end_of_candidates()]).await;
    alice.set(json!({"audio": false, "bitrate": 128_000})).await;

    alice.hangup().await;
    bob.expect_result(hangup("alice", "We did the hangup")).await;
    expect_late_hangups(&mut alice, "bob").await;
    expect_late_hangups(&mut bob, "alice").await;
    alice.expect_no("hangup").await;
    bob.expect_no("hangup").await;
    bob.destroy().await;
    alice.destroy().await;
}

pub async fn both_sides_get_candidates_of_janus(url: &str) {
    let (mut alice, mut bob) = ringing(url).await;
    for client in [&mut alice, &mut bob] {
        let first = client.expect_core("trickle").await;
        assert!(first["candidate"]["candidate"].as_str().unwrap().starts_with("candidate:"));
        client.expect("the last", |message| message["candidate"]["completed"] == true).await;
    }
}

pub async fn decline(url: &str) {
    let (mut alice, mut bob) = ringing(url).await;
    bob.decline().await;
    alice.expect_result(hangup("bob", "We did the hangup")).await;
    expect_late_hangups(&mut alice, "bob").await;
    expect_late_hangups(&mut bob, "alice").await;
    assert_eq!(alice.transcript().events(), ["registered", "calling", "hangup", "hangup"]);
}

pub async fn a_second_call_the_other_way(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    bob.hangup_with_reason("dinner").await;
    alice.expect_result(hangup("bob", "dinner")).await;
    expect_late_hangups(&mut alice, "bob").await;
    expect_late_hangups(&mut bob, "alice").await;
    // A real Janus sometimes loses the `incomingcall` of a handle right after its `hangup`.
    renew(&mut alice, "alice").await;
    renew(&mut bob, "bob").await;
    bob.call("alice").await;
    assert_eq!(alice.expect_event("incomingcall").await.0["username"], "bob");
    alice.accept().await;
    bob.expect_event("accepted").await;
}

/// Replaces the handle.
async fn renew(client: &mut Client, name: &str) {
    client.detach().await;
    client.attach().await;
    client.register(name).await;
}

pub async fn busy(url: &str) {
    let (mut alice, mut bob) = ringing(url).await;
    let mut carol = Client::registered(url, "carol").await;
    assert_eq!(carol.try_call("bob").await["result"], hangup("carol", "User busy"));
    assert_eq!(carol.expect_core("hangup").await["reason"], "Close PC");
    bob.expect_no("hangup").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

pub async fn detach_in_a_call(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    alice.detach().await;
    bob.expect_result(hangup("alice", "Remote WebRTC hangup")).await;
    assert_eq!(bob.expect_core("hangup").await["reason"], "Close PC");
    bob.expect_no("hangup").await;
    assert_eq!(bob.list().await, ["bob"]);
}

pub async fn destroy_while_it_rings(url: &str) {
    let (mut alice, mut bob) = ringing(url).await;
    bob.destroy().await;
    alice.expect_result(hangup("bob", "Remote WebRTC hangup")).await;
    assert_eq!(alice.expect_core("hangup").await["reason"], "Close PC");
}

pub async fn core_hangup_in_a_call(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    alice.core_hangup().await;
    assert_eq!(alice.expect_core("hangup").await["reason"], "Janus API");
    alice.expect_result(hangup("bob", "Remote WebRTC hangup")).await;
    bob.expect_result(hangup("alice", "Remote WebRTC hangup")).await;
    assert_eq!(bob.expect_core("hangup").await["reason"], "Close PC");
}

pub async fn errors_of_the_plugin(url: &str) {
    let mut alice = Client::attached(url).await;
    let code = |answer: Value| answer["error_code"].as_u64().unwrap();
    assert_eq!(code(alice.request_plugin(json!({}), None).await), 475);
    assert_eq!(code(alice.request_plugin(json!({"request": 5}), None).await), 474);
    assert_eq!(code(alice.request_plugin(json!({"request": "unknown"}), None).await), 472);
    assert_eq!(code(alice.request_plugin(json!({"request": "call", "username": "bob"}), None).await), 473);
    assert_eq!(code(alice.request_plugin(json!({"request": "accept"}), None).await), 481);
    assert_eq!(code(alice.request_plugin(json!({"request": "register"}), None).await), 475);
    alice.register("alice").await;
    assert_eq!(
        code(alice.request_plugin(json!({"request": "register", "username": "anna"}), None).await),
        477
    );
    assert_eq!(
        code(alice.request_plugin(json!({"request": "call", "username": "unknown"}), None).await),
        478
    );
    assert_eq!(code(alice.request_plugin(json!({"request": "call", "username": "alice"}), None).await), 479);
    let mut thief = Client::attached(url).await;
    assert_eq!(
        code(thief.request_plugin(json!({"request": "register", "username": "alice"}), None).await),
        476
    );
    assert_eq!(code(thief.request_plugin(json!({"request": "REGISTER", "username": 7}), None).await), 474);
}

pub async fn a_call_during_a_call_ends_it(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    let answer = alice.request_plugin(json!({"request": "call", "username": "carol"}), None).await;
    assert_eq!(answer["error_code"], 480);
    expect_late_hangups(&mut alice, "bob").await;
    expect_late_hangups(&mut bob, "alice").await;
}

pub async fn renegotiation(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    alice.renegotiate(sdp::offer()).await;
    assert_eq!(bob.expect_event("update").await.1["type"], "offer");
    bob.renegotiate(sdp::answer()).await;
    assert_eq!(alice.expect_event("update").await.1["type"], "answer");
}

pub async fn errors_of_the_core(url: &str) {
    let mut alice = Client::attached(url).await;
    let code = |reply: Value| reply["error"]["code"].as_u64().unwrap();
    assert_eq!(code(alice.request(json!({"janus": "keepalive"})).await), 457);
    assert_eq!(code(alice.request(json!({"janus": "keepalive", "session_id": 5})).await), 458);
    let unknown = json!({"janus": "detach", "session_id": alice.session(), "handle_id": 5});
    assert_eq!(code(alice.request(unknown).await), 459);
    let no_plugin = alice.on_session(json!({"janus": "attach", "plugin": "janus.plugin.tea"}));
    assert_eq!(code(alice.request(no_plugin).await), 460);
    assert_eq!(code(alice.request(alice.on_session(json!({"janus": "unknown"}))).await), 453);
    assert_eq!(code(alice.request(alice.on_handle(json!({"janus": "message"}))).await), 456);
    alice.send(json!({"janus": "ping"})).await;
    assert_eq!(code(alice.next().await), 456);
    alice.send_text("{").await;
    assert_eq!(code(alice.next().await), 454);
}

pub async fn a_session_outlives_its_socket(url: &str) {
    let (mut alice, mut bob) = in_call(url).await;
    bob.drop_socket();
    let mut bob = Client::claim(url, bob.session()).await.with_handle(bob.handle());
    alice.hangup().await;
    bob.expect_result(hangup("alice", "We did the hangup")).await;
}

pub async fn a_claim_moves_the_events(url: &str) {
    let (mut alice, mut bob) = ringing(url).await;
    let mut tablet = Client::claim(url, bob.session()).await.with_handle(bob.handle());
    alice.hangup().await;
    tablet.expect_result(hangup("alice", "We did the hangup")).await;
    bob.ping().await;
    assert!(bob.inbox().all(|message| event(message) != "hangup"));
}
