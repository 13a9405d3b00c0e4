//! Errors of the Janus core API (`apierror.h`; texts as in Janus 1.1.2).

use crate::object::FieldError;

/// The error reply to a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {reason}")]
pub struct JanusError {
    /// One of the constants of this module.
    pub code: u16,
    /// The text, for people.
    pub reason: String,
}

impl JanusError {
    /// Creates an error with a given text.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<FieldError> for JanusError {
    fn from(error: FieldError) -> Self {
        let code = match error {
            FieldError::Missing(_) => MISSING_ELEMENT,
            FieldError::Type(..) => INVALID_ELEMENT,
        };
        Self::new(code, error.to_string())
    }
}

/// A wrong or missing secret or token.
pub const UNAUTHORIZED: u16 = 403;
/// A token that is not for this plugin.
pub const UNAUTHORIZED_PLUGIN: u16 = 405;
/// An unknown request.
pub const UNKNOWN_REQUEST: u16 = 453;
/// The request is not JSON.
pub const INVALID_JSON: u16 = 454;
/// A jsep that is not an object.
pub const INVALID_JSON_OBJECT: u16 = 455;
/// A member is missing.
pub const MISSING_ELEMENT: u16 = 456;
/// A request for a session or handle that lacks its id, or one for the server that has an id.
pub const INVALID_PATH: u16 = 457;
/// No such session.
pub const SESSION_NOT_FOUND: u16 = 458;
/// No such handle.
pub const HANDLE_NOT_FOUND: u16 = 459;
/// No such plugin.
pub const PLUGIN_NOT_FOUND: u16 = 460;
/// A jsep that is neither offer nor answer.
pub const UNKNOWN_JSEP_TYPE: u16 = 464;
/// An SDP that cannot be parsed.
pub const INVALID_SDP: u16 = 465;
/// A member of the wrong type.
pub const INVALID_ELEMENT: u16 = 467;
/// The requested session id is in use.
pub const SESSION_CONFLICT: u16 = 468;
/// An answer without an offer.
pub const UNEXPECTED_ANSWER: u16 = 469;
/// The server accepts no new sessions.
pub const NOT_ACCEPTING_SESSIONS: u16 = 472;
/// An error without a code of its own.
pub const UNKNOWN: u16 = 490;
