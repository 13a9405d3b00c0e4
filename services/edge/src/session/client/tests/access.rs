//! Secrets: who is let in, and to what.

use super::*;

fn guarded() -> Bench {
    let access = Auth { api_secret: Some("open".parse().unwrap()), token_secret: None };
    let limits = Limits { session_timeout: None, reclaim_timeout: RECLAIM, max_sessions: 3, auth: access };
    connected_under(limits).with_session(1)
}

#[test]
fn ping_and_info_are_answered_without_a_secret() {
    assert_eq!(guarded().reply(json!({"janus": "ping"}))["janus"], "pong");
    assert_eq!(guarded().reply(json!({"janus": "info"}))["janus"], "server_info");
}

#[test]
fn everything_else_wants_the_secret() {
    for verb in [json!({"janus": "create"}), json!({"janus": "keepalive", "session_id": 1})] {
        let mut wrong = verb.clone();
        wrong["apisecret"] = json!("wrong");
        for request in [verb, wrong] {
            let reply = guarded().reply(request.clone());
            assert_eq!(reply["error"]["code"], 403, "{request}");
            assert_eq!(reply.get("session_id"), request.get("session_id"), "{request}");
        }
    }
    let shown = json!({"janus": "keepalive", "session_id": 1, "apisecret": "open"});
    assert_eq!(guarded().reply(shown)["janus"], "ack");
}

#[test]
fn a_wrong_path_is_said_before_a_missing_secret_and_a_missing_session_after() {
    assert_eq!(guarded().reply(json!({"janus": "attach"}))["error"]["code"], 457);
    assert_eq!(guarded().reply(json!({"janus": "keepalive", "session_id": 9}))["error"]["code"], 403);
}

/// A connection whose clients show tokens, with a session of somebody who showed this one.
fn with_tokens(proof: Option<&str>) -> Bench {
    let access =
        Auth { api_secret: Some("open".parse().unwrap()), token_secret: Some("key".parse().unwrap()) };
    let limits =
        Limits { session_timeout: Some(SILENCE), reclaim_timeout: RECLAIM, max_sessions: 3, auth: access };
    let mut bench = connected_under(limits);
    let now = bench.now;
    bench.client.add_created(SessionId(7), proof.map(str::to_owned), now);
    bench
}

fn shows(request: &str, token: &str) -> Value {
    json!({"janus": request, "session_id": 7, "apisecret": "open", "token": token})
}

#[test]
fn a_session_is_created_and_claimed_with_the_digest_of_a_token() {
    let mut bench = with_tokens(None);
    let mut create = shows("create", "a");
    create.as_object_mut().unwrap().remove("session_id");
    let Outcome::Create(_, None, Some(created)) = bench.asks(create) else { panic!("it is created") };
    bench.client.discard(SessionId(7));
    let mut claims = |token| match bench.asks(shows("claim", token)) {
        Outcome::Claim(_, SessionId(7), Some(shown)) => shown == created,
        other => panic!("it is claimed: {other:?}"),
    };
    assert!(claims("a") && !claims("b"));
}

#[test]
fn ones_own_session_too_is_claimed_with_the_same_token_only() {
    let proof = {
        let mut bench = with_tokens(None);
        bench.client.discard(SessionId(7));
        match bench.asks(shows("claim", "a")) {
            Outcome::Claim(_, _, proof) => proof,
            other => panic!("it is claimed: {other:?}"),
        }
    };
    let mut bench = with_tokens(proof.as_deref());
    bench.after(SILENCE / 2);
    assert_eq!(bench.code(shows("claim", "b")), 458);
    assert_eq!(bench.code(json!({"janus": "claim", "session_id": 7, "apisecret": "open"})), 458);
    assert_eq!(bench.due_in(), Some(SILENCE / 2), "a stranger does not keep it alive");
    assert_eq!(bench.code(shows("claim", "a")), 0);
    assert_eq!(bench.code(shows("keepalive", "b")), 0, "only a claim has to prove anything");
}

#[test]
fn who_may_claim_is_written_down() {
    let bench = with_tokens(Some("proof"));
    let state = bench.client.snapshot(SessionId(7), bench.now).unwrap();
    let restored =
        crate::session::Session::restore(&state, SessionId(7), &"edge-2".into(), bench.now, 0).unwrap();
    assert_eq!(restored.token_digest.as_deref(), Some("proof"));
}
