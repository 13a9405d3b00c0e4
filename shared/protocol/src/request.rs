//! One request of the core API, checked in the order of Janus (`janus.c`).
//!
//! The order matters, because each check has its own error. First [`read`] checks the envelope. Then the owner
//! of the sessions checks that session and handle exist. Last, [`Request::verb`] checks the request itself.

use crate::error::{
    HANDLE_NOT_FOUND, INVALID_JSON, INVALID_PATH, JanusError, MISSING_ELEMENT, PLUGIN_NOT_FOUND,
    SESSION_NOT_FOUND, UNKNOWN_REQUEST,
};
use crate::jsep;
use crate::object::{self, LazyObject, integer, is_null};
use crate::parser_limits;
use crate::trickle::Candidates;
use crate::videocall::PLUGIN;
use crate::{HandleId, SessionId};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The depth of a candidate in a request to Janus with a list of them.
const CANDIDATE_DEPTH: usize = 3;

/// A request with a valid envelope.
#[derive(Debug)]
pub struct Request<'a> {
    /// The client's transaction, repeated in every reply.
    pub transaction: String,
    /// Whether the request is for the server, a session or a handle.
    pub path: Path,
    name: String,
    object: LazyObject<'a>,
}

/// The credentials of a request. Members that are not strings are ignored.
#[derive(Debug)]
pub struct Credentials<'a> {
    /// Member `apisecret`, which Janus calls the shared API secret.
    pub api_secret: Option<Cow<'a, str>>,
    /// Member `token`, which Janus calls token based authentication.
    pub token: Option<Cow<'a, str>>,
}

/// The addressee of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// The server itself: `ping`, `info` or `create`.
    Server,
    /// A session.
    Session(SessionId),
    /// A handle of a session.
    Handle(SessionId, HandleId),
}

impl Path {
    /// Returns the session, if the request is not for the server.
    pub fn session(self) -> Option<SessionId> {
        match self {
            Self::Server => None,
            Self::Session(session) | Self::Handle(session, _) => Some(session),
        }
    }
}

/// A rejected request, with the members that the error reply repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// The session id of the request.
    pub session: Option<SessionId>,
    /// The transaction; absent when the envelope is invalid.
    pub transaction: Option<String>,
    /// Code and reason.
    pub error: JanusError,
}

/// A valid request, by its name.
#[derive(Debug)]
pub enum Verb<'a> {
    /// Asks for a `pong`.
    Ping,
    /// Asks for the server information.
    Info,
    /// Creates a session, with this id if given.
    Create(Option<SessionId>),
    /// Keeps the session alive.
    Keepalive,
    /// Moves the session to this connection.
    Claim,
    /// Ends the session.
    Destroy,
    /// Creates a handle of the VideoCall plugin.
    Attach,
    /// Ends a handle.
    Detach,
    /// Closes the PeerConnection of a handle.
    Hangup,
    /// Passes a request to the plugin.
    Message {
        /// The request to the plugin.
        body: &'a RawValue,
        /// The session description and its kind.
        jsep: Option<(&'a RawValue, jsep::Kind)>,
    },
    /// Adds ICE candidates of the client.
    Trickle(Candidates<'a>),
}

/// Checks the envelope of a request.
///
/// # Errors
/// 456 or 467 for a member of the envelope; 457, 458 or 459 for the ids of session and handle.
pub fn read(object: LazyObject<'_>) -> Result<Request<'_>, RequestError> {
    let session = id(&object, "session_id");
    let handle = id(&object, "handle_id");
    let echo = session.unwrap_or(0);
    let (transaction, name) = envelope(&object).map_err(|refusal| request_error(echo, None, refusal))?;
    match path(session.unwrap_or(0), handle, &name) {
        Ok(path) => Ok(Request { transaction, path, name, object }),
        Err(refusal) => Err(request_error(echo, Some(transaction), refusal)),
    }
}

fn envelope(object: &LazyObject<'_>) -> Result<(String, String), JanusError> {
    let transaction = object.string("transaction")?.into_owned();
    let name = object.string("janus")?.into_owned();
    object.optional_unsigned("id")?;
    Ok((transaction, name))
}

/// Returns an id: `None` when missing or null, 0 for any value that is not an integer.
fn id(object: &LazyObject<'_>, name: &str) -> Option<u64> {
    let value = object.get(name).filter(|value| !is_null(value))?;
    Some(integer(value).unwrap_or(0) as u64)
}

fn path(session: u64, handle: Option<u64>, name: &str) -> Result<Path, JanusError> {
    match (session, handle) {
        (0, None | Some(0)) => match name.to_ascii_lowercase().as_str() {
            "ping" | "info" | "create" => Ok(Path::Server),
            _ => Err(unhandled(name)),
        },
        (0, Some(_)) => Err(JanusError::new(SESSION_NOT_FOUND, "Session not found")),
        (session, None) => Ok(Path::Session(SessionId(session))),
        (_, Some(0)) => Err(JanusError::new(HANDLE_NOT_FOUND, "Handle not found")),
        (session, Some(handle)) => Ok(Path::Handle(SessionId(session), HandleId(handle))),
    }
}

fn request_error(session: u64, transaction: Option<String>, refusal: JanusError) -> RequestError {
    RequestError { session: (session != 0).then_some(SessionId(session)), transaction, error: refusal }
}

fn unhandled(name: &str) -> JanusError {
    JanusError::new(INVALID_PATH, format!("Unhandled request '{name}' at this path"))
}

impl<'a> Request<'a> {
    /// Returns the credentials.
    pub fn credentials(&self) -> Credentials<'a> {
        let string = |name| self.object.get(name).and_then(object::text);
        Credentials { api_secret: string("apisecret"), token: string("token") }
    }

    /// Returns whether the request needs no credentials: `ping` and `info`, as in Janus.
    pub fn is_public(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        self.path == Path::Server && (name == "ping" || name == "info")
    }

    /// Checks the request itself.
    ///
    /// # Errors
    /// 453 for an unknown request, 457 for one with the wrong addressee, and those of the request itself.
    pub fn verb(&self) -> Result<Verb<'a>, JanusError> {
        let name = self.name.to_ascii_lowercase();
        match (self.path, name.as_str()) {
            (Path::Server, "ping") => Ok(Verb::Ping),
            (Path::Server, "info") => Ok(Verb::Info),
            (Path::Server, "create") => self.create(),
            (Path::Server, _) => Err(unhandled(&self.name)),
            (_, "keepalive") => Ok(Verb::Keepalive),
            (_, "claim") => Ok(Verb::Claim),
            (Path::Session(_), "destroy") => Ok(Verb::Destroy),
            (Path::Session(_), "attach") => self.attach(),
            (Path::Handle(..), "detach") => Ok(Verb::Detach),
            (Path::Handle(..), "hangup") => Ok(Verb::Hangup),
            (Path::Handle(..), "message") => self.message(),
            (Path::Handle(..), "trickle") => self.trickle(),
            (_, "destroy" | "attach" | "detach" | "hangup" | "message" | "trickle") => {
                Err(unhandled(&self.name))
            }
            _ => Err(JanusError::new(UNKNOWN_REQUEST, format!("Unknown request '{}'", self.name))),
        }
    }

    fn create(&self) -> Result<Verb<'a>, JanusError> {
        let wanted = self.object.optional_unsigned("id")?.filter(|id| *id != 0);
        Ok(Verb::Create(wanted.map(SessionId)))
    }

    fn attach(&self) -> Result<Verb<'a>, JanusError> {
        let plugin = self.object.string("plugin")?;
        self.object.optional_string("opaque_id")?;
        self.object.optional_unsigned("loop_index")?;
        if plugin != PLUGIN {
            return Err(JanusError::new(PLUGIN_NOT_FOUND, format!("No such plugin '{plugin}'")));
        }
        Ok(Verb::Attach)
    }

    fn message(&self) -> Result<Verb<'a>, JanusError> {
        let body = self.object.object("body")?;
        let checked = |jsep: &'a RawValue| jsep::check(jsep).map(|kind| (jsep, kind));
        let jsep = self.object.get("jsep").map(checked).transpose()?;
        Ok(Verb::Message { body, jsep })
    }

    fn trickle(&self) -> Result<Verb<'a>, JanusError> {
        match (self.object.get("candidate"), self.object.get("candidates")) {
            (None, None) => {
                Err(JanusError::new(MISSING_ELEMENT, "Missing mandatory element (candidate|candidates)"))
            }
            (Some(_), Some(_)) => {
                Err(JanusError::new(INVALID_JSON, "Can't have both candidate and candidates"))
            }
            // The connector sends candidates as a list, one level deeper.
            (Some(one), None) => match parser_limits::check(one.get(), CANDIDATE_DEPTH) {
                Ok(()) => Ok(Verb::Trickle(Candidates::One(one))),
                Err(refused) => Err(JanusError::new(INVALID_JSON, refused.reason)),
            },
            (None, Some(many)) => {
                let list = serde_json::from_str(many.get()).map(Candidates::Many);
                Ok(Verb::Trickle(list.unwrap_or(Candidates::NotAnArray)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
