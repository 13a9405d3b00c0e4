//! Identifiers: what Janus numbers (sessions, handles) and what Switchboard names (calls, services).

use crate::outside;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::{Builder, Uuid};

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
                    match outside::chance() & MAX_JANUS_ID {
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

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id; ids sort by the millisecond they were made in.
            pub fn fresh() -> Self {
                let random = u128::from(outside::chance()) << 64 | u128::from(outside::chance());
                let [random @ .., _, _, _, _, _, _] = random.to_ne_bytes();
                Self(Builder::from_unix_timestamp_millis(outside::unix_millis(), &random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// One message on the bus; a redelivery carries the same id.
    MessageId
);
uuid_id!(
    /// One call. It is the id of the client request that asked for it, so that a request which is
    /// redelivered finds its own call and not a second one.
    CallId
);

impl MessageId {
    /// A fresh id that sorts behind an earlier one, within the same millisecond too, and where the
    /// clock of whoever made that one is ahead. Nobody else who does so gets the same.
    pub fn after(earlier: Option<Self>) -> Self {
        let fresh = Self::fresh();
        match earlier {
            Some(earlier) if fresh <= earlier => {
                let step = u128::from(outside::chance() >> 16) + 1;
                Self(Uuid::from_u128(earlier.0.as_u128().wrapping_add(step)))
            }
            _ => fresh,
        }
    }
}

impl From<MessageId> for CallId {
    fn from(request: MessageId) -> Self {
        Self(request.0)
    }
}

impl From<CallId> for MessageId {
    fn from(call: CallId) -> Self {
        Self(call.0)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name!(
    /// One running service process (an edge, a router, a connector, a rest), new at each start.
    ServiceId
);
name!(
    /// A Janus server as operators name it.
    BackendName
);

impl ServiceId {
    /// A fresh id: the service's kind, a dash and eight hexadecimal digits.
    pub fn fresh(kind: &str) -> Self {
        Self(format!("{kind}-{:08x}", outside::chance() as u32))
    }
}

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
pub struct NotAHandle;

impl std::str::FromStr for HandleRef {
    type Err = NotAHandle;
    fn from_str(text: &str) -> Result<Self, NotAHandle> {
        let (session, handle) = text.split_once(':').ok_or(NotAHandle)?;
        Ok(Self {
            session: SessionId(session.parse().map_err(|_| NotAHandle)?),
            handle: HandleId(handle.parse().map_err(|_| NotAHandle)?),
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
    fn an_id_that_comes_after_another_sorts_behind_it() {
        let mut last = None;
        for _ in 0..100 {
            let next = Some(MessageId::after(last));
            assert!(next > last);
            last = next;
        }
        let ahead = Some(MessageId(Uuid::from_u128(u128::MAX >> 1)));
        assert!(Some(MessageId::after(ahead)) > ahead);
        assert_ne!(MessageId::after(ahead), MessageId::after(ahead));
    }

    #[test]
    fn a_handle_is_read_as_it_is_printed() {
        let handle = HandleRef { session: SessionId(12), handle: HandleId(34) };
        assert_eq!(handle.to_string(), "12:34");
        assert_eq!("12:34".parse::<HandleRef>().ok(), Some(handle));
        assert!("12".parse::<HandleRef>().is_err());
    }
}
