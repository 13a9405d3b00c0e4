//! Ids of the Janus API: sessions and handles, and the side of a call.

use common::entropy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest id Janus hands out: 2^53 - 1, the largest integer a JavaScript number holds exactly.
pub const MAX_JANUS_ID: u64 = (1 << 53) - 1;

macro_rules! janus_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// A fresh id, 1..=2^53-1, from the operating system's secure source: knowing an id is
            /// what lets a client claim a session, so it must not be guessable.
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

/// A client's handle, wherever its session is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HandleRef {
    /// The session the handle is in.
    pub session: SessionId,
    /// The handle.
    pub handle: HandleId,
}

impl fmt::Display for HandleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.session, self.handle)
    }
}

/// Not the `SESSION:HANDLE` that [`HandleRef`] prints.
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

/// One of the two ends of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who sent `call`.
    Caller,
    /// Who got `incomingcall`.
    Callee,
}

impl Side {
    /// The other end.
    pub fn peer(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
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
    fn a_handle_is_read_as_it_is_printed() {
        let handle = HandleRef { session: SessionId(12), handle: HandleId(34) };
        assert_eq!(handle.to_string(), "12:34");
        assert_eq!("12:34".parse::<HandleRef>().ok(), Some(handle));
        assert!("12".parse::<HandleRef>().is_err());
    }
}
