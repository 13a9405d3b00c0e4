//! Malformed input gets a clear Janus error, and affects neither its connection nor the service.

use crate::fixture::{Switchboard, on_both_buses};
use serde_json::{Value, json};
use testkit::{Client, sdp};

on_both_buses!(
    malformed_json_is_refused_and_the_connection_stays,
    every_missing_or_mistyped_field_is_named,
    ids_of_other_clients_are_unknown,
    large_and_deep_input_is_handled,
    batched_requests_are_answered_in_order,
);

async fn malformed_json_is_refused_and_the_connection_stays(switchboard: Switchboard) {
    let mut client = Client::attached(&switchboard.edge_url(0)).await;
    for text in [
        "",
        " ",
        "nonsense",
        "{",
        "5",
        "\"x\"",
        "null",
        "{}{",
        "{\"janus\":}",
        "\u{0}",
        "{\"a\":\"\\ud800\"} x",
    ] {
        client.send_text(text).await;
        let error = client.expect("an error", |message| message["janus"] == "error").await;
        assert_eq!(error["error"]["code"], 454, "{text:?}: {error}");
        assert!(error.get("transaction").is_none() && error.get("session_id").is_none(), "{error}");
    }
    client.send_text("[]").await;
    let error = client.expect("an error", |message| message["janus"] == "error").await;
    assert_eq!(error["error"]["code"], 456);
    client.register("still there").await;
}

async fn every_missing_or_mistyped_field_is_named(switchboard: Switchboard) {
    let mut client = Client::attached(&switchboard.edge_url(0)).await;
    let (session, handle) = (client.session(), client.handle());
    let on = |more: Value| {
        let mut request = json!({"session_id": session, "handle_id": handle});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let plugin = |plugin: Value| json!({"janus": "attach", "session_id": session, "plugin": plugin});
    let table = [
        (json!({"janus": "nope"}), 457, "Unhandled request 'nope' at this path"),
        (json!({"janus": "nope", "session_id": session}), 453, "Unknown request 'nope'"),
        (on(json!({"janus": "nope"})), 453, "Unknown request 'nope'"),
        (on(json!({"janus": "destroy"})), 457, "Unhandled request 'destroy' at this path"),
        (json!({"janus": "attach", "session_id": session}), 456, "Missing mandatory element (plugin)"),
        (plugin(json!(null)), 467, "Invalid element type (plugin should be a string)"),
        (plugin(json!("janus.plugin.none")), 460, "No such plugin 'janus.plugin.none'"),
        (on(json!({"janus": "message"})), 456, "Missing mandatory element (body)"),
        (on(json!({"janus": "message", "body": []})), 467, "Invalid element type (body should be an object)"),
        (on(json!({"janus": "message", "body": {}, "jsep": null})), 455, "Invalid jsep object"),
        (
            on(json!({"janus": "message", "body": {}, "jsep": {"type": "offer"}})),
            456,
            "JSEP error: missing mandatory element (sdp)",
        ),
        (on(json!({"janus": "trickle"})), 456, "Missing mandatory element (candidate|candidates)"),
        (
            on(json!({"janus": "trickle", "candidate": {}, "candidates": []})),
            454,
            "Can't have both candidate and candidates",
        ),
    ];
    for (request, code, reason) in table {
        let answer = client.request(request.clone()).await;
        assert_eq!(answer["janus"], "error", "{request}");
        assert_eq!(answer["error"], json!({"code": code, "reason": reason}), "{request}");
    }
    for (request, code, reason) in [
        (json!({}), 456, "Missing mandatory element (transaction)"),
        (json!({"transaction": 1}), 467, "Invalid element type (transaction should be a string)"),
        (json!({"transaction": "t"}), 456, "Missing mandatory element (janus)"),
        (json!({"transaction": "t", "janus": 1}), 467, "Invalid element type (janus should be a string)"),
        (
            json!({"transaction": "t", "janus": "create", "id": "x"}),
            467,
            "Invalid element type (id should be a positive integer)",
        ),
    ] {
        client.send(request.clone()).await;
        let answer = client.expect("an error", |message| message["janus"] == "error").await;
        assert_eq!(answer, json!({"janus": "error", "error": {"code": code, "reason": reason}}), "{request}");
    }
    for (body, code) in [
        (json!({}), 475),
        (json!({"request": 5}), 474),
        (json!({"request": "nope"}), 472),
        (json!({"request": "register"}), 475),
        (json!({"request": "register", "username": 5}), 474),
        (json!({"request": "set", "bitrate": -1}), 474),
        (json!({"request": "set", "substream": 3}), 474),
        (json!({"request": "set", "record": true, "filename": "/etc/passwd"}), 499),
        (json!({"request": "accept"}), 481),
    ] {
        assert_eq!(client.request_plugin(body.clone(), None).await["error_code"], code, "{body}");
    }
    client.register("still there").await;
}

async fn ids_of_other_clients_are_unknown(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let (session, handle) = (bob.session(), bob.handle());
    for verb in ["keepalive", "destroy", "attach", "detach", "hangup", "message", "trickle"] {
        let mut request = json!({"janus": verb, "session_id": session, "plugin": "janus.plugin.videocall",
            "body": {"request": "hangup"}, "candidate": null});
        if !["keepalive", "destroy", "attach"].contains(&verb) {
            request["handle_id"] = json!(handle);
        }
        let answer = alice.request(request).await;
        let reason = format!("No such session {session}");
        assert_eq!(answer["error"], json!({"code": 458, "reason": reason}), "{verb}");
    }
    let answer =
        alice.request(json!({"janus": "detach", "session_id": alice.session(), "handle_id": handle})).await;
    assert_eq!(answer["error"]["code"], 459);
    let taken = alice.request(json!({"janus": "create", "id": session})).await;
    assert_eq!((&taken["error"]["code"], &taken["session_id"]), (&json!(468), &json!(session)));
    bob.call("alice").await;
    alice.expect_event("incomingcall").await;
}

async fn large_and_deep_input_is_handled(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"janus":"ping","transaction":"deep","x":{open}{close}}}"#)
    };
    alice.send_text(deep(2_047)).await;
    alice.expect("the pong", |message| message["transaction"] == "deep").await;
    for levels in [2_048, 100_000] {
        alice.send_text(deep(levels)).await;
        let error = alice.expect("an error", |message| message["janus"] == "error").await;
        assert_eq!(error["error"]["code"], 454, "{error}");
    }
    let long =
        alice.request_plugin(json!({"request": "register", "username": "x".repeat(100_000)}), None).await;
    assert!(long["error_code"].is_u64(), "{long}");
    let mut big = Client::attached(&switchboard.edge_url(0)).await;
    big.send_text(format!(r#"{{"janus":"ping","transaction":"big","x":"{}"}}"#, "x".repeat(1_000_000))).await;
    let error = big.expect("an error", |message| message["janus"] == "error").await;
    assert!(error["error"]["reason"].as_str().unwrap().starts_with("Request too large"), "{error}");
    big.register("big").await;
    alice
        .post_message(json!({"request": "call", "username": "bob"}), Some(sdp::offer_of_size(200_000)))
        .await;
    bob.ping().await;
    alice.ping().await;
    let mut carol = Client::registered(&switchboard.edge_url(0), "carol").await;
    carol.ping().await;
}

async fn batched_requests_are_answered_in_order(switchboard: Switchboard) {
    let mut client = Client::attached(&switchboard.edge_url(0)).await;
    let (session, handle) = (client.session(), client.handle());
    let register = json!({"janus": "message", "transaction": "a", "session_id": session, "handle_id": handle,
        "body": {"request": "register", "username": "batch"}});
    let list = json!({"janus": "message", "transaction": "b", "session_id": session, "handle_id": handle,
        "body": {"request": "list"}});
    let ping = json!({"janus": "ping", "transaction": "c"});
    client.send_text(format!("{register}{list} {ping}")).await;
    client.expect("the pong", |message| message["transaction"] == "c").await;
    let listed = client
        .expect("the list", |message| message["janus"] == "event" && message["transaction"] == "b")
        .await;
    assert_eq!(listed["plugindata"]["data"]["result"]["list"], json!(["batch"]));
    for _ in 0..200 {
        client.post_message(json!({"request": "nope"}), None).await;
    }
    client.ping().await;
}
