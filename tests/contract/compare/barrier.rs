//! Detects that no more messages will arrive, without waiting for a timeout.
//!
//! Switchboard keeps the order of a session's events. So each session makes a hidden call to itself. When its
//! `incomingcall` arrives, all earlier events have arrived too. A Janus sends some messages by its own
//! timers. A scenario waits for those by name.

use super::json::Json;
use super::player::{Player, is_switchboard};
use super::socket::UNRECORDED;
use serde_json::{Value, json};
use testkit::sdp;

/// Waits until every message that was in flight has arrived.
pub async fn wait_for_all(player: &mut Player<'_>) -> Result<(), String> {
    for place in 0..player.sockets.len() {
        if player.sockets[place].is_open() {
            request(player, place, json!({"janus": "ping"})).await?;
        }
    }
    let mut sessions: Vec<(usize, u64)> = Vec::new();
    for actor in &player.actors {
        let Some(session) = actor.session else { continue };
        if player.sockets[actor.socket].is_open() && !sessions.contains(&(actor.socket, session)) {
            sessions.push((actor.socket, session));
        }
    }
    for (place, session) in sessions.into_iter().filter(|_| is_switchboard(player.endpoints)) {
        call_itself(player, place, session).await?;
    }
    Ok(())
}

async fn call_itself(player: &mut Player<'_>, place: usize, session: u64) -> Result<(), String> {
    let Some(caller) = attach(player, place, session).await? else { return Ok(()) };
    let Some(callee) = attach(player, place, session).await? else { return Ok(()) };
    let (from, to) = (format!("barrier {caller}"), format!("barrier {callee}"));
    for (handle, name) in [(caller, &from), (callee, &to)] {
        let register = json!({"request": "register", "username": name});
        message(player, place, session, handle, json!({"body": register})).await?;
    }
    let call = json!({"body": {"request": "call", "username": to}, "jsep": sdp::offer()});
    message(player, place, session, caller, call).await?;
    let rings = |message: &Json| {
        message.number(&["sender"]) == Some(callee)
            && message.text(&["plugindata", "data", "result", "event"]) == "incomingcall"
    };
    player.wait(place, "the barrier", |socket| socket.take_unrecorded(rings).is_some()).await?;
    for handle in [caller, callee] {
        let detach = json!({"janus": "detach", "session_id": session, "handle_id": handle});
        request(player, place, detach).await?;
    }
    Ok(())
}

/// Attaches a hidden handle. Returns none if the session is over.
async fn attach(player: &mut Player<'_>, place: usize, session: u64) -> Result<Option<u64>, String> {
    let attach = json!({"janus": "attach", "session_id": session, "plugin": "janus.plugin.videocall"});
    let handle = request(player, place, attach).await?.number(&["data", "id"]);
    if let Some(handle) = handle {
        player.sockets[place].hide(handle);
    }
    Ok(handle)
}

async fn message(
    player: &mut Player<'_>,
    place: usize,
    session: u64,
    handle: u64,
    mut message: Value,
) -> Result<(), String> {
    message["janus"] = json!("message");
    message["session_id"] = json!(session);
    message["handle_id"] = json!(handle);
    request(player, place, message).await?;
    let answers = |received: &Json| {
        received.number(&["sender"]) == Some(handle) && !received.text(&["transaction"]).is_empty()
    };
    player.wait(place, "the reply of the barrier", |socket| socket.take_unrecorded(answers).is_some()).await
}

/// Sends an unrecorded request and waits for its reply.
async fn request(player: &mut Player<'_>, place: usize, mut request: Value) -> Result<Json, String> {
    let transaction = format!("{UNRECORDED}{}", player.next_hidden());
    request["transaction"] = json!(transaction);
    player.sockets[place].send(&request.to_string()).await?;
    let is_reply =
        |message: &Json| message.text(&["transaction"]) == transaction && message.get("sender").is_none();
    let mut reply = None;
    let waits_for = format!("the reply to {request}");
    player
        .wait(place, &waits_for, |socket| {
            reply = socket.take_unrecorded(is_reply);
            reply.is_some()
        })
        .await?;
    Ok(reply.expect("it was waited for"))
}
