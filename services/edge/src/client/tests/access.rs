//! Secrets: who is let in, and to what.

use super::*;

fn guarded() -> Bench {
    let access = Access { api_secret: Some("open".parse().unwrap()), token_secret: None };
    let limits = Limits { session_timeout: None, reclaim_timeout: RECLAIM, max_sessions: 3, access };
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
