//! API secret and tokens.

use super::*;

fn guarded() -> Harness {
    let auth = Auth { api_secret: Some("open".parse().unwrap()), token_secret: None };
    let limits = Limits {
        session_timeout: None,
        reclaim_timeout: RECLAIM_TIMEOUT,
        max_sessions: 3,
        max_handles: 4,
        auth,
    };
    connected_under(limits).with_session(1)
}

#[test]
fn ping_and_info_need_no_secret() {
    assert_eq!(guarded().reply(json!({"janus": "ping"}))["janus"], "pong");
    assert_eq!(guarded().reply(json!({"janus": "info"}))["janus"], "server_info");
}

#[test]
fn other_requests_need_the_secret() {
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
fn errors_come_in_the_order_path_secret_session() {
    assert_eq!(guarded().reply(json!({"janus": "attach"}))["error"]["code"], 457);
    assert_eq!(guarded().reply(json!({"janus": "keepalive", "session_id": 9}))["error"]["code"], 403);
}

/// A connection with token authentication, and a session with this token digest.
fn with_tokens(digest: Option<&str>) -> Harness {
    let auth = Auth { api_secret: Some("open".parse().unwrap()), token_secret: Some("key".parse().unwrap()) };
    let limits = Limits {
        session_timeout: Some(SESSION_TIMEOUT),
        reclaim_timeout: RECLAIM_TIMEOUT,
        max_sessions: 3,
        max_handles: 4,
        auth,
    };
    let mut harness = connected_under(limits);
    let now = harness.now;
    harness.client.add_created(SessionId(7), digest.map(str::to_owned), now);
    harness
}

fn shows(request: &str, token: &str) -> Value {
    json!({"janus": request, "session_id": 7, "apisecret": "open", "token": token})
}

#[test]
fn create_and_claim_carry_the_token_digest() {
    let mut harness = with_tokens(None);
    let mut create = shows("create", "a");
    create.as_object_mut().unwrap().remove("session_id");
    let Outcome::Create { wanted: None, token_digest: Some(created), .. } = harness.request(create) else {
        panic!("expected a create")
    };
    harness.client.discard(SessionId(7));
    let mut claims = |token| match harness.request(shows("claim", token)) {
        Outcome::Claim { session: SessionId(7), token_digest: Some(shown), .. } => shown == created,
        other => panic!("expected a claim: {other:?}"),
    };
    assert!(claims("a") && !claims("b"));
}

#[test]
fn claim_of_an_own_session_needs_the_same_token() {
    let digest = {
        let mut harness = with_tokens(None);
        harness.client.discard(SessionId(7));
        match harness.request(shows("claim", "a")) {
            Outcome::Claim { token_digest, .. } => token_digest,
            other => panic!("expected a claim: {other:?}"),
        }
    };
    let mut harness = with_tokens(digest.as_deref());
    harness.after(SESSION_TIMEOUT / 2);
    assert_eq!(harness.code(shows("claim", "b")), 458);
    assert_eq!(harness.code(json!({"janus": "claim", "session_id": 7, "apisecret": "open"})), 458);
    assert_eq!(harness.due_in(), Some(SESSION_TIMEOUT / 2), "a failed claim does not keep the session alive");
    assert_eq!(harness.code(shows("claim", "a")), 0);
    assert_eq!(harness.code(shows("keepalive", "b")), 0, "only a claim needs the token");
}

#[test]
fn token_digest_is_in_the_snapshot() {
    let harness = with_tokens(Some("digest"));
    let state = harness.client.snapshot(SessionId(7), harness.now).unwrap();
    let restored =
        crate::session::Session::restore(&state, SessionId(7), &"edge-2".into(), harness.now, 0).unwrap();
    assert_eq!(restored.token_digest.as_deref(), Some("digest"));
}
