//! Which session and handle a request is about, and whether this connection may.

use super::*;

#[test]
fn the_server_answers_without_a_session() {
    let mut client = connected();
    assert_eq!(client.reply(json!({"janus": "ping"})), json!({"janus": "pong", "transaction": "t"}));
    assert_eq!(client.reply(json!({"janus": "info"}))["janus"], "server_info");
    assert_eq!(client.code(json!({"janus": "attach"})), 457);
    assert_eq!(client.code(json!({"janus": "dance"})), 457);
}

#[test]
fn what_is_not_ones_own_does_not_exist() {
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
fn a_handle_is_of_one_session_only() {
    let mut client = connected().with_session(7).with_session(8);
    let handle = client.attach(7);
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 8, "handle_id": handle})), 459);
}

#[test]
fn a_session_of_another_connection_is_claimed_and_ones_own_is_there_already() {
    let mut client = connected().with_session(7);
    assert!(matches!(client.asks(json!({"janus": "claim", "session_id": 8})),
        Outcome::Claim(transaction, SessionId(8), None) if transaction == "t"));
    let own = client.reply(json!({"janus": "claim", "session_id": 7}));
    assert_eq!(own, json!({"janus": "success", "session_id": 7, "transaction": "t"}));
}

#[test]
fn a_session_is_claimed_also_where_a_handle_is_named() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let own = client.reply(json!({"janus": "claim", "session_id": 7, "handle_id": handle}));
    assert_eq!(own["janus"], "success");
    let others = client.asks(json!({"janus": "claim", "session_id": 8, "handle_id": handle}));
    assert!(matches!(others, Outcome::Claim(_, SessionId(8), None)), "{others:?}");
}

#[test]
fn a_session_is_created_with_the_id_that_was_asked_for_or_a_random_one() {
    let mut client = connected();
    assert!(matches!(client.asks(json!({"janus": "create"})), Outcome::Create(_, None, None)));
    assert!(matches!(client.asks(json!({"janus": "create", "id": 0})), Outcome::Create(_, None, None)));
    assert!(matches!(
        client.asks(json!({"janus": "create", "id": 9})),
        Outcome::Create(_, Some(SessionId(9)), None)
    ));
    assert_eq!(client.code(json!({"janus": "create", "id": -1})), 467);
}

#[test]
fn a_connection_has_so_many_sessions_and_no_more() {
    let mut client = connected().with_session(1).with_session(2).with_session(3);
    assert_eq!(client.code(json!({"janus": "create"})), 490);
    client.asks(json!({"janus": "destroy", "session_id": 1}));
    assert!(matches!(client.asks(json!({"janus": "create"})), Outcome::Create(..)));
}

#[test]
fn a_session_has_so_many_handles_and_no_more() {
    let mut client = connected().with_session(7);
    let handles: Vec<u64> = (0..64).map(|_| client.attach(7)).collect();
    let attach = json!({"janus": "attach", "session_id": 7, "plugin": "janus.plugin.videocall"});
    assert_eq!(client.code(attach.clone()), 490);
    client.asks(json!({"janus": "detach", "session_id": 7, "handle_id": handles[0]}));
    assert_eq!(client.code(attach), 0);
}

#[test]
fn a_detached_handle_is_gone_and_so_is_a_destroyed_session() {
    let mut client = connected().with_session(7);
    let handle = client.registering(7);
    let detach = json!({"janus": "detach", "session_id": 7, "handle_id": handle});
    let Outcome::Perform(acts) = client.asks(detach.clone()) else { panic!("it is detached") };
    assert_eq!(short(&acts), ["7: success", "release"]);
    assert_eq!(client.code(detach), 459);
    client.registering(7);
    let Outcome::End(SessionId(7), acts) = client.asks(json!({"janus": "destroy", "session_id": 7})) else {
        panic!("it is destroyed")
    };
    assert_eq!(short(&acts), ["7: success", "release"]);
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 7})), 458);
    assert!(client.client.is_empty());
}

#[test]
fn a_handle_is_detached_for_its_client_when_its_name_is_free() {
    let mut client = connected().with_session(7);
    for in_time in [true, false] {
        let handle = client.registering(7);
        let detach = json!({"janus": "detach", "session_id": 7, "handle_id": handle});
        let Outcome::Perform(acts) = client.asks(detach) else { panic!("it is detached") };
        let Some(Action::Publish(_, release, _)) = acts.last() else { panic!("its name is released") };
        let who = HandleRef { session: SessionId(7), handle: HandleId(handle) };
        let freed = |answers| Events {
            in_reply_to: Some(answers),
            change: Some(Change::Released),
            ..Events::for_handle(who, Vec::new())
        };
        if in_time {
            assert!(client.client.on_events(freed(common::MessageId::fresh()), client.now).is_empty());
            assert_eq!(short(&client.client.on_events(freed(release.id), client.now)), ["7: detached"]);
        } else {
            let (_, acts) = client.client.on_timer(client.now + crate::session::handle::REQUEST_TIMEOUT);
            assert_eq!(short(&acts), ["release", "7: detached"]);
        }
        assert!(client.client.on_events(freed(release.id), client.now).is_empty());
    }
}

#[test]
fn events_find_their_handle_and_are_undone_without_one() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let now = client.now;
    assert!(client.client.on_events(incoming(7, handle), now).is_empty());
    for (session, handle) in [(7, handle + 1), (8, handle)] {
        let acts = client.client.on_events(incoming(session, handle), now);
        assert!(
            matches!(&acts[..], [Action::Publish(_, message, _)] if matches!(message.body, Body::Hangup(_)))
        );
    }
}

#[test]
fn a_surrendered_session_goes_on_with_its_handles_elsewhere() {
    let mut old = connected().with_session(7);
    let handle = old.attach(7);
    let session = old.client.surrender(SessionId(7), old.now).unwrap();
    assert!(old.client.surrender(SessionId(7), old.now).is_none());
    assert_eq!(old.code(json!({"janus": "keepalive", "session_id": 7})), 458);
    let mut new = connected();
    new.client.add_claimed(session, new.now);
    assert_eq!(new.code(json!({"janus": "keepalive", "session_id": 7, "handle_id": handle})), 0);
}
