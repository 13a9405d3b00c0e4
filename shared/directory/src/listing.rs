//! Paginated lists for operators, and the records of services.
//!
//! A list is a scan of all records, one [`Page`] at a time. A record that exists during the whole scan is in
//! at least one page. A record that is created or removed meanwhile may be missing. The [`Cursor`] is the
//! whole state of a scan; it is valid for the store that returned it only.

use common::ServiceId;
use protocol::SessionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

/// The largest page.
pub const MAX_PAGE: usize = 1_000;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// May be empty although there is a next page: the scan for one page is bounded.
    pub items: Vec<T>,
    /// How many malformed records were left out.
    pub malformed: usize,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Maps each item, and drops those that are mapped to `None`.
    pub(crate) fn filter_map<U>(self, f: impl FnMut(T) -> Option<U>) -> Page<U> {
        let Self { items, malformed, next } = self;
        Page { items: items.into_iter().filter_map(f).collect(), malformed, next }
    }
}

/// A position in a scan, printed as `STEP` or `STEP-HASH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The store's own cursor: a step may find more items than fit into a page.
    pub(crate) step: u64,
    /// The items of this step up to this [`name_hash`] were in an earlier page.
    pub(crate) after_hash: Option<u64>,
}

/// The text is no [`Cursor`].
#[derive(Debug, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor(#[from] ParseIntError);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after_hash {
            Some(hash) => write!(f, "{}-{hash}", self.step),
            None => write!(f, "{}", self.step),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (step, hash) = text.split_once('-').map_or((text, None), |(step, hash)| (step, Some(hash)));
        Ok(Self { step: step.parse()?, after_hash: hash.map(str::parse).transpose()? })
    }
}

/// Orders the items of one step of a scan: FNV-1a of the name, equal in every process.
pub(crate) fn name_hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// The id that its client uses.
    pub session: SessionId,
    /// The edge that owns it.
    pub edge: ServiceId,
    /// How long its client has been disconnected; `None` while it is connected, as far as the edge knew.
    pub away: Option<Duration>,
    /// The address of its client, or of a proxy that names none. `None` if no edge has stored it.
    pub client: Option<String>,
}

/// The record that a running service announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The id in logs and stream names.
    pub id: ServiceId,
    /// `edge`, `router`, `connector` or `rest`.
    pub kind: String,
    /// The version of Switchboard.
    pub version: String,
    /// The host name of its machine or container.
    pub host: String,
    /// When it was started, in unix milliseconds.
    pub since: u64,
    /// When it sent this record, in unix milliseconds by Redis' clock; 0 where unknown.
    #[serde(default)]
    pub announced: u64,
    /// Its load: what it counts, and how many there are.
    pub load: BTreeMap<String, u64>,
    /// Whether it accepts work.
    #[serde(default)]
    pub state: ServiceState,
    /// Why it is not ready, or, while it is, what operators should know.
    #[serde(default)]
    pub complaint: Option<String>,
    /// By how many milliseconds the clock of its machine is ahead of Redis' clock; negative: behind. `None` where
    /// unknown, and without Redis.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
}

/// Whether a service accepts work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceState {
    /// It accepts work.
    #[default]
    #[serde(rename = "ready")]
    Ready,
    /// A dependency is unavailable.
    #[serde(rename = "not ready")]
    NotReady,
    /// It is shutting down, and exits when its work is finished or handed over.
    #[serde(rename = "stopping")]
    Stopping,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_parses_what_it_prints() {
        for cursor in
            [Cursor { step: 7, after_hash: None }, Cursor { step: u64::MAX, after_hash: Some(u64::MAX) }]
        {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for bad in ["", "-", "7-", "-7", "x", "7-7-7", "18446744073709551616", "7 ", "7-0x1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
