//! The messages from and to Janus.

use crate::options::Credentials;
use common::text::truncate;
use protocol::error::SESSION_NOT_FOUND;
use protocol::object::{self, LazyObject};
use protocol::reply::members_of;
use protocol::videocall::MAX_REASON;
use protocol::{Raw, raw};
use serde::Serialize;
use serde_json::value::RawValue;
use service::Secret;

/// The longest reason of an error that is passed on, in bytes. Janus repeats what a client sent in it.
const MAX_ERROR: usize = 4_096;

/// The id of a session or handle on a Janus server, not of a client's.
pub type JanusId = u64;

#[derive(Debug)]
pub enum FromJanus {
    /// The reply to a request that succeeded.
    Success {
        transaction: String,
        session: Option<JanusId>,
        /// The session or handle that was created.
        id: Option<JanusId>,
    },
    /// The core error that replies to a request.
    Error { transaction: String, code: u16, reason: String },
    /// A plugin event.
    Plugin {
        sender: JanusId,
        /// Present if the event replies to a request.
        transaction: Option<String>,
        /// The member `plugindata.data` of the event.
        data: Raw,
        jsep: Option<Raw>,
    },
    /// A core event of a handle.
    Core {
        sender: JanusId,
        name: String,
        /// All members but its name and ids.
        fields: Raw,
    },
    /// Janus has ended the session, or does not know it.
    SessionEnded(Option<JanusId>),
    /// Acknowledgements, and messages of an unknown kind.
    Other,
}

impl FromJanus {
    /// Parses a message. A malformed one is `Other`.
    pub fn read(text: &str) -> Self {
        LazyObject::parse(text).ok().and_then(|message| Self::from_object(&message)).unwrap_or(Self::Other)
    }

    /// The bytes of what it passes on.
    pub fn size(&self) -> usize {
        match self {
            Self::Plugin { data, jsep, .. } => {
                data.get().len() + jsep.as_ref().map_or(0, |jsep| jsep.get().len())
            }
            Self::Core { name, fields, .. } => name.len() + fields.get().len(),
            Self::Error { reason, .. } => reason.len(),
            Self::Success { .. } | Self::SessionEnded(_) | Self::Other => 0,
        }
    }

    fn from_object(message: &LazyObject<'_>) -> Option<Self> {
        let transaction = || message.string("transaction").ok().map(|text| text.into_owned());
        let number = |name| message.get(name).and_then(object::integer).map(|id| id as u64);
        Some(match message.string("janus").ok()?.as_ref() {
            "success" => {
                let data = message.get("data").and_then(|data| LazyObject::parse(data.get()).ok());
                let id = data.and_then(|data| data.get("id").and_then(object::integer)).map(|id| id as u64);
                Self::Success { transaction: transaction()?, session: number("session_id"), id }
            }
            "error" => {
                let error = LazyObject::parse(message.get("error")?.get()).ok()?;
                let code = error.get("code").and_then(object::integer)? as u16;
                let reason = truncate(&error.string("reason").ok()?, MAX_ERROR).to_owned();
                match code {
                    SESSION_NOT_FOUND => Self::SessionEnded(number("session_id")),
                    _ => Self::Error { transaction: transaction()?, code, reason },
                }
            }
            "event" => {
                let plugindata = LazyObject::parse(message.get("plugindata")?.get()).ok()?;
                let data = plugindata.get("data")?.to_owned();
                let jsep = message.get("jsep").map(ToOwned::to_owned);
                Self::Plugin { sender: number("sender")?, transaction: transaction(), data, jsep }
            }
            "timeout" => Self::SessionEnded(number("session_id")),
            "ack" | "pong" => Self::Other,
            name => {
                let (sender, name) = (number("sender")?, name.to_owned());
                Self::Core { sender, name, fields: members_of(message) }
            }
        })
    }
}

/// The members of `plugindata.data` that the connector needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PluginData {
    /// `result.event`; empty for an error.
    pub event: String,
    pub username: Option<String>,
    /// At most [`MAX_REASON`] bytes of it.
    pub reason: Option<String>,
    /// `error_code`, of an error.
    pub error: Option<i64>,
}

impl PluginData {
    pub fn read(data: &RawValue) -> Self {
        let Ok(data) = LazyObject::parse(data.get()) else { return Self::default() };
        let error = data.get("error_code").and_then(object::integer);
        let read = || {
            let result = LazyObject::parse(data.get("result")?.get()).ok()?;
            let event = result.string("event").ok()?.into_owned();
            let text = |name| result.string(name).ok().map(|text| text.into_owned());
            let reason = text("reason").map(|reason| truncate(&reason, MAX_REASON).to_owned());
            Some(Self { event, username: text("username"), reason, error })
        };
        read().unwrap_or(Self { error, ..Self::default() })
    }
}

/// A request to Janus. Unset members are omitted.
#[derive(Default, Serialize)]
pub struct ToJanus<'a> {
    pub janus: &'static str,
    pub transaction: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<JanusId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle_id: Option<JanusId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apisecret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'static str>,
    /// The call, for Janus' own records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jsep: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<&'a [Raw]>,
}

impl<'a> ToJanus<'a> {
    /// A request with credentials, whose transaction is its verb.
    pub fn authenticated(credentials: &'a Credentials, verb: &'static str) -> Self {
        let request = Self::default().with_credentials(credentials);
        Self { janus: verb, transaction: verb.to_owned(), ..request }
    }

    pub fn with_credentials(self, credentials: &'a Credentials) -> Self {
        let apisecret = credentials.api_secret.as_ref().map(Secret::reveal);
        Self { apisecret, token: credentials.token.as_ref().map(Secret::reveal), ..self }
    }

    pub fn to_json(&self) -> String {
        raw(self).get().to_owned()
    }
}

/// The body of a plugin request that names a user.
pub fn named_request(request: &'static str, username: &str) -> Raw {
    #[derive(Serialize)]
    struct NamedRequest<'a> {
        request: &'static str,
        username: &'a str,
    }
    raw(&NamedRequest { request, username })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_messages_are_parsed() {
        let event = r#"{"janus":"event","session_id":1,"transaction":"7","sender":42,"plugindata":{"plugin":"p","data":{"videocall":"event","result":{"event":"incomingcall","username":"x"}}},"jsep":{"type":"offer","sdp":"v=0"}}"#;
        match FromJanus::read(event) {
            FromJanus::Plugin { sender: 42, transaction: Some(transaction), data, jsep: Some(jsep) } => {
                assert_eq!(transaction, "7");
                assert_eq!(PluginData::read(&data).username.as_deref(), Some("x"));
                assert_eq!(jsep.get(), r#"{"type":"offer","sdp":"v=0"}"#);
            }
            other => panic!("{other:?}"),
        }
        let trickle = r#"{"janus":"trickle","session_id":1,"sender":42,"candidate":{"completed":true}}"#;
        assert!(matches!(FromJanus::read(trickle), FromJanus::Core { sender: 42, fields, .. }
            if fields.get() == r#"{"candidate":{"completed":true}}"#));
        let error = r#"{"janus":"error","transaction":"7","error":{"code":465,"reason":"no"}}"#;
        assert!(matches!(FromJanus::read(error), FromJanus::Error { code: 465, .. }));
        let unknown_session =
            r#"{"janus":"error","session_id":1,"transaction":"7","error":{"code":458,"reason":"no"}}"#;
        assert!(matches!(FromJanus::read(unknown_session), FromJanus::SessionEnded(Some(1))));
        assert!(matches!(FromJanus::read("nonsense"), FromJanus::Other));
        let session_timeout = r#"{"janus":"timeout","session_id":1}"#;
        assert!(matches!(FromJanus::read(session_timeout), FromJanus::SessionEnded(Some(1))));
    }
}
