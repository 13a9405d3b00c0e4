//! The ids of Switchboard: messages and calls (UUIDs), services and backends (names).

use crate::{clock, entropy};
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
            /// Returns a new id. Ids sort by the millisecond of their creation.
            pub fn fresh() -> Self {
                let random = u128::from(entropy::random_u64()) << 64 | u128::from(entropy::random_u64());
                let [random @ .., _, _, _, _, _, _] = random.to_ne_bytes();
                Self(Builder::from_unix_timestamp_millis(clock::unix_millis(), &random).into_uuid())
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
    /// A message on the bus. A redelivery has the same id.
    MessageId
);
uuid_id!(
    /// A call. Equals the id of the client request that began the call, so that a redelivered request finds its
    /// call instead of beginning another. A second attempt has an id that follows from the first's.
    CallId
);

impl MessageId {
    /// Returns a new id that sorts after `earlier`, also within a millisecond and when the clock of its creator
    /// is ahead. Two callers with the same `earlier` get different ids.
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

/// What distinguishes the id of a second attempt from that of the first.
const SECOND_ATTEMPT: u128 = 0x6a09_e667_f3bc;

impl CallId {
    /// Returns the id of the second attempt at a call, which is set up on another backend. Every process derives the
    /// same one, so that a repeated request for it finds its call.
    pub fn second_attempt(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128() ^ SECOND_ATTEMPT))
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

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// Returns the name as text.
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

name_id!(
    /// A running edge, router, connector or rest service. New at each start.
    ServiceId
);
name_id!(
    /// The name that an operator gave to a Janus server.
    BackendName
);

impl ServiceId {
    /// Returns a new id: the kind of the service, a dash and eight hexadecimal digits.
    pub fn fresh(kind: &str) -> Self {
        Self(format!("{kind}-{:08x}", entropy::random_u64() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_attempt_has_an_id_of_its_own() {
        let call = CallId::fresh();
        assert_eq!(call.second_attempt(), call.second_attempt());
        assert_ne!(call.second_attempt(), call);
        assert_eq!(call.second_attempt().0.get_version_num(), call.0.get_version_num());
    }

    #[test]
    fn an_id_after_another_sorts_after_it() {
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
