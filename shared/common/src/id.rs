//! Ids of Switchboard's own: messages and calls (UUIDs), services and backends (names).

use crate::entropy;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::{Builder, Uuid};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id; ids sort by the millisecond they were made in.
            pub fn fresh() -> Self {
                let random = u128::from(entropy::random_u64()) << 64 | u128::from(entropy::random_u64());
                let [random @ .., _, _, _, _, _, _] = random.to_ne_bytes();
                Self(Builder::from_unix_timestamp_millis(entropy::unix_millis(), &random).into_uuid())
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
                let step = u128::from(entropy::random_u64() >> 16) + 1;
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
        Self(format!("{kind}-{:08x}", entropy::random_u64() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
