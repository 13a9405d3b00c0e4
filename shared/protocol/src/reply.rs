//! Replies and events for a client, each as the text of one websocket message.
//!
//! Members have the order of Janus (`janus.c`), so that recordings of both can be compared.

use crate::error::JanusError;
use crate::object::LazyObject;
use crate::request::RequestError;
use crate::videocall::PLUGIN;
use crate::{HandleId, Raw, SessionId};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

#[derive(Serialize, Default)]
struct Message<'a> {
    janus: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_signed")]
    session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<HandleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<IdData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugindata: Option<PluginData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jsep: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorData<'a>>,
}

/// Writes an id as Janus does. Janus parses ids as unsigned and prints them as signed, which is visible when a
/// client sent a negative one.
fn as_signed<S: Serializer>(id: &Option<SessionId>, serializer: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.0 as i64).serialize(serializer)
}

#[derive(Serialize)]
struct IdData {
    id: u64,
}

#[derive(Serialize)]
struct PluginData<'a> {
    plugin: &'static str,
    data: &'a RawValue,
}

#[derive(Serialize)]
struct ErrorData<'a> {
    code: u16,
    reason: &'a str,
}

impl Message<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("a message has no maps with keys that are no strings")
    }
}

/// Returns the `pong` reply to a `ping`.
pub fn pong(transaction: &str) -> String {
    Message { janus: "pong", transaction: Some(transaction), ..Message::default() }.text()
}

/// Returns the `success` of `create`, which has no `session_id`.
pub fn created(transaction: &str, session: SessionId) -> String {
    let data = Some(IdData { id: session.0 });
    Message { janus: "success", transaction: Some(transaction), data, ..Message::default() }.text()
}

/// Returns the `success` of `attach`.
pub fn attached(session: SessionId, transaction: &str, handle: HandleId) -> String {
    let data = Some(IdData { id: handle.0 });
    Message {
        janus: "success",
        session_id: Some(session),
        transaction: Some(transaction),
        data,
        ..Message::default()
    }
    .text()
}

/// Returns the `success` of any other request.
pub fn success(session: SessionId, transaction: &str) -> String {
    Message {
        janus: "success",
        session_id: Some(session),
        transaction: Some(transaction),
        ..Message::default()
    }
    .text()
}

/// Returns the `ack` of an accepted request, whose result, if any, follows as an event.
pub fn ack(session: SessionId, transaction: &str) -> String {
    Message { janus: "ack", session_id: Some(session), transaction: Some(transaction), ..Message::default() }
        .text()
}

/// Returns an `error` reply.
pub fn error(session: Option<SessionId>, transaction: Option<&str>, cause: &JanusError) -> String {
    let error = Some(ErrorData { code: cause.code, reason: &cause.reason });
    Message { janus: "error", session_id: session, transaction, error, ..Message::default() }.text()
}

/// Returns the `error` for a request that was rejected.
pub fn request_error(fault: &RequestError) -> String {
    error(fault.session, fault.transaction.as_deref(), &fault.error)
}

/// Returns an `event` of the plugin.
pub fn event(
    session: SessionId,
    handle: HandleId,
    transaction: Option<&str>,
    data: &RawValue,
    jsep: Option<&RawValue>,
) -> String {
    let plugindata = Some(PluginData { plugin: PLUGIN, data });
    let (session_id, sender) = (Some(session), Some(handle));
    Message { janus: "event", session_id, transaction, sender, plugindata, jsep, ..Message::default() }.text()
}

/// Returns a core event of a handle. `members` is an object with its remaining members.
pub fn core_event(janus: &str, session: SessionId, handle: HandleId, members: &RawValue) -> String {
    let head =
        Message { janus, session_id: Some(session), sender: Some(handle), ..Message::default() }.text();
    let members = inner_members(members.get());
    if members.is_empty() {
        return head;
    }
    format!("{{{},{members}}}", inner_members(&head))
}

/// Returns the text between the braces of an object.
fn inner_members(object: &str) -> &str {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim()
}

/// Returns the `timeout` of a session.
pub fn timeout(session: SessionId) -> String {
    Message { janus: "timeout", session_id: Some(session), ..Message::default() }.text()
}

/// Returns the members of a core event of Janus that are forwarded to the client: all but name and ids.
pub fn members_of(object: &LazyObject<'_>) -> Raw {
    object.without(&["janus", "session_id", "sender", "opaque_id"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::videocall;

    const SESSION: SessionId = SessionId(1);
    const HANDLE: HandleId = HandleId(2);

    #[test]
    fn members_have_the_order_of_janus() {
        assert_eq!(created("t", SESSION), r#"{"janus":"success","transaction":"t","data":{"id":1}}"#);
        assert_eq!(
            attached(SESSION, "t", HANDLE),
            r#"{"janus":"success","session_id":1,"transaction":"t","data":{"id":2}}"#
        );
        assert_eq!(
            error(Some(SESSION), Some("t"), &JanusError::new(459, "No")),
            r#"{"janus":"error","session_id":1,"transaction":"t","error":{"code":459,"reason":"No"}}"#
        );
        let data = videocall::event("calling", None, None);
        assert_eq!(
            event(SESSION, HANDLE, Some("t"), &data, None),
            r#"{"janus":"event","session_id":1,"transaction":"t","sender":2,"plugindata":{"plugin":"janus.plugin.videocall","data":{"videocall":"event","result":{"event":"calling"}}}}"#
        );
    }

    #[test]
    fn a_core_event_keeps_its_members() {
        let text = r#"{"janus":"trickle","session_id":9,"sender":8,"candidate":{"completed":true}}"#;
        let members = members_of(&LazyObject::parse(text).unwrap());
        assert_eq!(
            core_event("trickle", SESSION, HANDLE, &members),
            r#"{"janus":"trickle","session_id":1,"sender":2,"candidate":{"completed":true}}"#
        );
        let none = members_of(&LazyObject::parse(r#"{"janus":"webrtcup","sender":8}"#).unwrap());
        assert_eq!(
            core_event("webrtcup", SESSION, HANDLE, &none),
            r#"{"janus":"webrtcup","session_id":1,"sender":2}"#
        );
    }
}
