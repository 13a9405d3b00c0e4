//! Which session and handle a request addresses, and whether the connection owns them.

use super::*;

#[test]
fn server_requests_need_no_session() {
    let mut client = connected();
    assert_eq!(client.reply(json!({"janus": "ping"})), json!({"janus": "pong", "transaction": "t"}));
    assert_eq!(client.reply(json!({"janus": "info"}))["janus"], "server_info");
    assert_eq!(client.code(json!({"janus": "attach"})), 457);
    assert_eq!(client.code(json!({"janus": "dance"})), 457);
}

#[test]
fn sessions_of_other_connections_do_not_exist() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    for (request, code) in [
        (json!({"janus": "keepalive", "session_id": 8}), 458),
        (json!({"janus": "destroy", "session_id": 8}), 458),
        (json!({"janus": "attach", "session_id": 8, "plugin": "janus.plugin.videocall"}), 458),
        (json!({"janus": "dance", "session_id": 8}), 458),
        (json!({"janus": "detach", "session_id": 8, "handle_id": handle}), 458),
        (json!({"janus": "message", "session_id": 8, "handle_id": handle, "body": {}}), 458),
        (json!({"janus": "message", "session_id": 7, "handle_id": handle + 1, "body": {}}), 459),
        (json!({"janus": "keepalive", "session_id": 7, "handle_id": handle + 1}), 459),
        (json!({"janus": "dance", "session_id": 7, "handle_id": handle + 1}), 459),
        (json!({"janus": "dance", "session_id": 7, "handle_id": handle}), 453),
        (json!({"janus": "ping", "session_id": 7}), 453),
        (json!({"janus": "destroy", "session_id": 7, "handle_id": handle}), 457),
        (json!({"janus": "detach", "session_id": 7}), 457),
        (json!({"janus": "keepalive", "session_id": 7, "handle_id": handle}), 0),
        (json!({"janus": "keepalive", "session_id": 7}), 0),
    ] {
        assert_eq!(client.code(request.clone()), code, "{request}");
    }
}

#[test]
fn handle_belongs_to_one_session() {
    let mut client = connected().with_session(7).with_session(8);
    let handle = client.attach(7);
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 8, "handle_id": handle})), 459);
}

#[test]
fn claim_of_an_own_session_is_immediate() {
    let mut client = connected().with_session(7);
    assert!(matches!(client.request(json!({"janus": "claim", "session_id": 8})),
        Outcome::Claim { transaction, session: SessionId(8), token_digest: None } if transaction == "t"));
    let own = client.reply(json!({"janus": "claim", "session_id": 7}));
    assert_eq!(own, json!({"janus": "success", "session_id": 7, "transaction": "t"}));
}

#[test]
fn claim_may_name_a_handle() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let own = client.reply(json!({"janus": "claim", "session_id": 7, "handle_id": handle}));
    assert_eq!(own["janus"], "success");
    let others = client.request(json!({"janus": "claim", "session_id": 8, "handle_id": handle}));
    assert!(matches!(others, Outcome::Claim { session: SessionId(8), token_digest: None, .. }), "{others:?}");
}

#[test]
fn create_uses_the_wanted_or_a_random_id() {
    let mut client = connected();
    assert!(matches!(
        client.request(json!({"janus": "create"})),
        Outcome::Create { wanted: None, token_digest: None, .. }
    ));
    assert!(matches!(
        client.request(json!({"janus": "create", "id": 0})),
        Outcome::Create { wanted: None, token_digest: None, .. }
    ));
    assert!(matches!(
        client.request(json!({"janus": "create", "id": 9})),
        Outcome::Create { wanted: Some(SessionId(9)), token_digest: None, .. }
    ));
    assert_eq!(client.code(json!({"janus": "create", "id": -1})), 467);
}

#[test]
fn sessions_of_a_connection_are_bounded() {
    let mut client = connected().with_session(1).with_session(2).with_session(3);
    assert_eq!(client.code(json!({"janus": "create"})), 490);
    client.request(json!({"janus": "destroy", "session_id": 1}));
    assert!(matches!(client.request(json!({"janus": "create"})), Outcome::Create { .. }));
}

#[test]
fn handles_of_all_sessions_are_bounded() {
    let mut client = connected().with_session(7).with_session(8);
    let handles: Vec<u64> = [7, 7, 8, 8].map(|session| client.attach(session)).to_vec();
    let attach = json!({"janus": "attach", "session_id": 7, "plugin": "janus.plugin.videocall"});
    assert_eq!(client.code(attach.clone()), 490);
    client.request(json!({"janus": "detach", "session_id": 7, "handle_id": handles[0]}));
    assert_eq!(client.code(attach.clone()), 0);
    // A handle whose name is not released yet counts.
    let register = json!({"request": "register", "username": "alice"});
    let on_handle =
        |janus: &str| json!({"janus": janus, "session_id": 8, "handle_id": handles[3], "body": register});
    client.request(on_handle("message"));
    client.request(on_handle("detach"));
    assert_eq!(client.code(attach), 490);
}

#[test]
fn claims_are_bounded() {
    let claim = json!({"janus": "claim", "session_id": 99});
    let mut sessions = connected().with_session(1).with_session(2);
    assert!(matches!(sessions.request(claim.clone()), Outcome::Claim { .. }));
    sessions = sessions.with_session(3);
    assert_eq!(sessions.code(claim.clone()), 490);
    let mut handles = connected().with_session(1);
    (0..3).for_each(|_| {
        handles.attach(1);
    });
    assert!(matches!(handles.request(claim.clone()), Outcome::Claim { .. }));
    handles.attach(1);
    assert_eq!(handles.code(claim), 490);
    assert_eq!(handles.code(json!({"janus": "claim", "session_id": 1})), 0, "its own");
}

#[test]
fn detached_handle_and_destroyed_session_are_gone() {
    let mut client = connected().with_session(7);
    let handle = client.attach_registered(7);
    let detach = json!({"janus": "detach", "session_id": 7, "handle_id": handle});
    let Outcome::Perform(detached) = client.request(detach.clone()) else { panic!("expected a detach") };
    assert_eq!(summaries(&detached), ["7: success", "release"]);
    assert_eq!(client.code(detach), 459);
    client.attach_registered(7);
    let Outcome::End(SessionId(7), ended) = client.request(json!({"janus": "destroy", "session_id": 7}))
    else {
        panic!("expected the end")
    };
    assert_eq!(summaries(&ended), ["7: success", "release"]);
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 7})), 458);
    assert!(client.client.is_empty());
}

#[test]
fn detached_is_sent_when_the_name_is_released() {
    let mut client = connected().with_session(7);
    for in_time in [true, false] {
        let handle = client.attach_registered(7);
        let detach = json!({"janus": "detach", "session_id": 7, "handle_id": handle});
        let Outcome::Perform(actions) = client.request(detach) else { panic!("expected a detach") };
        let Some(Action::Publish(_, release, _)) = actions.last() else { panic!("expected a release") };
        let who = HandleRef { session: SessionId(7), handle: HandleId(handle) };
        let freed = |request| Events {
            in_reply_to: Some(request),
            change: Some(Change::Released),
            ..Events::for_handle(who, Vec::new())
        };
        if in_time {
            assert!(client.client.on_events(freed(common::MessageId::fresh()), client.now).is_empty());
            assert_eq!(summaries(&client.client.on_events(freed(release.id), client.now)), ["7: detached"]);
        } else {
            let (_, timed_out) = client.client.on_timer(client.now + crate::session::handle::REQUEST_TIMEOUT);
            assert_eq!(summaries(&timed_out), ["release", "7: detached"]);
        }
        assert!(client.client.on_events(freed(release.id), client.now).is_empty());
    }
}

#[test]
fn events_without_a_handle_are_undone() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let now = client.now;
    assert!(client.client.on_events(incoming(7, handle), now).is_empty());
    for (session, missing) in [(7, handle + 1), (8, handle)] {
        let actions = client.client.on_events(incoming(session, missing), now);
        assert!(
            matches!(&actions[..], [Action::Publish(_, message, _)] if matches!(message.body, Body::Hangup(_)))
        );
    }
}

#[test]
fn surrendered_session_keeps_its_handles() {
    let mut old = connected().with_session(7);
    let handle = old.attach(7);
    let session = old.client.surrender(SessionId(7), old.now).unwrap();
    assert!(old.client.surrender(SessionId(7), old.now).is_none());
    assert_eq!(old.code(json!({"janus": "keepalive", "session_id": 7})), 458);
    let mut new = connected();
    new.client.add_claimed(session, new.now);
    assert_eq!(new.code(json!({"janus": "keepalive", "session_id": 7, "handle_id": handle})), 0);
}

#[test]
fn requests_that_wait_are_bounded_in_bytes() {
    let mut client = connected().with_session(7).with_session(8);
    client.client.set_allowance(1 << 20);
    let handles = [7, 7, 8, 8].map(|session| (session, client.attach(session)));
    let mut accepted = 0;
    for number in 0..40 {
        let (session, handle) = handles[number % 4];
        let body = json!({"request": "list", "x": "x".repeat(100_000)});
        let message = json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body});
        match client.code(message) {
            0 => accepted += 1,
            code => assert_eq!(code, 490),
        }
        assert!(client.client.held_bytes() <= 1 << 20);
    }
    // The first request of each handle is at a router, the others wait.
    assert_eq!(accepted, 4 + 10);
    assert!(client.client.snapshot(SessionId(7), client.now).is_some_and(|state| state.len() < 1 << 20));
    let destroy = |session: u64| json!({"janus": "destroy", "session_id": session});
    client.request(destroy(7));
    assert!(client.client.held_bytes() < 600_000);
    client.request(destroy(8));
    assert_eq!(client.client.held_bytes(), 0);
}

#[test]
fn candidates_of_all_handles_are_bounded_in_bytes() {
    let mut client = connected().with_session(7);
    client.client.set_allowance(300_000);
    for _ in 0..4 {
        let handle = client.attach(7);
        for _ in 0..20 {
            let candidates = json!([{"candidate": "x".repeat(5_000)}, {"candidate": "x".repeat(5_000)}]);
            let trickle =
                json!({"janus": "trickle", "session_id": 7, "handle_id": handle, "candidates": candidates});
            assert_eq!(client.code(trickle), 0);
            assert!(client.client.held_bytes() <= 300_000);
        }
    }
    assert!(client.client.held_bytes() > 250_000);
}
