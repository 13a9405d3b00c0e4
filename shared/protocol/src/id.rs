//! Ids of the Janus API: sessions and handles, and the side of a call.

use common::entropy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The largest id that Janus assigns: 2^53 - 1, the largest integer that a JavaScript number holds exactly.
pub const MAX_JANUS_ID: u64 = (1 << 53) - 1;

macro_rules! janus_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns a random id, 1..=2^53-1. It must not be guessable: a client may claim a session by its
            /// id alone.
            pub fn random() -> Self {
                loop {
                    match entropy::random_u64() & MAX_JANUS_ID {
                        0 => continue,
                        id => return Self(id),
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

janus_id!(
    /// A client's session at an edge.
    SessionId
);
janus_id!(
    /// A plugin handle within a session.
    HandleId
);

/// A client's handle in the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HandleRef {
    /// The session of the handle.
    pub session: SessionId,
    /// The handle.
    pub handle: HandleId,
}

impl fmt::Display for HandleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.session, self.handle)
    }
}

/// The text is not `SESSION:HANDLE`, as [`HandleRef`] is printed.
#[derive(Debug, thiserror::Error)]
#[error("a handle is written SESSION:HANDLE")]
pub struct ParseHandleRefError;

impl std::str::FromStr for HandleRef {
    type Err = ParseHandleRefError;
    fn from_str(text: &str) -> Result<Self, ParseHandleRefError> {
        let (session, handle) = text.split_once(':').ok_or(ParseHandleRefError)?;
        Ok(Self {
            session: SessionId(session.parse().map_err(|_| ParseHandleRefError)?),
            handle: HandleId(handle.parse().map_err(|_| ParseHandleRefError)?),
        })
    }
}

/// One of the two parties of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The client that sent `call`.
    Caller,
    /// The client that received `incomingcall`.
    Callee,
}

impl Side {
    /// Returns the other party.
    pub fn peer(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// Returns `caller` or `callee`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn janus_ids_fit_a_javascript_number() {
        for _ in 0..1000 {
            let id = SessionId::random().0;
            assert!((1..=MAX_JANUS_ID).contains(&id));
        }
    }

    #[test]
    fn a_printed_handle_can_be_parsed() {
        let handle = HandleRef { session: SessionId(12), handle: HandleId(34) };
        assert_eq!(handle.to_string(), "12:34");
        assert_eq!("12:34".parse::<HandleRef>().ok(), Some(handle));
        assert!("12".parse::<HandleRef>().is_err());
    }
}
