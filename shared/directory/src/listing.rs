//! What lists for operators are made of: pages of what may be many, and the services that run.
//!
//! A list is a walk through all there is, a [`Page`] at a time. What is there from its beginning to its
//! end is named at least once; what comes or goes meanwhile may be named or not. Nobody remembers who
//! walks: a [`Cursor`] says all, and means nothing to another store.

use common::ServiceId;
use protocol::SessionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

/// The longest page.
pub const MAX_PAGE: usize = 1_000;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// It may be empty although the list goes on: there is a bound to how far one page looks.
    pub items: Vec<T>,
    /// Where the list goes on; none at its end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page of what is found for its items.
    pub(crate) fn filter_map<U>(self, look: impl FnMut(T) -> Option<U>) -> Page<U> {
        Page { items: self.items.into_iter().filter_map(look).collect(), next: self.next }
    }
}

/// A place in a list, as `STEP` or `STEP-PAST`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The store's own name of the step of its walk.
    pub(crate) step: u64,
    /// What of this step was named already: all with a [`place`] up to this one.
    pub(crate) after_hash: Option<u64>,
}

/// Not the `STEP` or `STEP-PAST` that [`Cursor`] prints.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor(#[from] ParseIntError);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after_hash {
            Some(past) => write!(f, "{}-{past}", self.step),
            None => write!(f, "{}", self.step),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (step, past) = text.split_once('-').map_or((text, None), |(step, past)| (step, Some(past)));
        Ok(Self { step: step.parse()?, after_hash: past.map(str::parse).transpose()? })
    }
}

/// Where a thing has its place within a step of a walk, whoever looks: FNV-1a of its name.
pub(crate) fn name_hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Its id.
    pub session: SessionId,
    /// The edge that holds it.
    pub edge: ServiceId,
    /// How long its client has been gone; none while it is connected, as far as its edge knew.
    pub away: Option<Duration>,
}

/// A running service, as it announces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// `edge`, `router`, `connector` or `rest`.
    pub kind: String,
    /// Of Switchboard.
    pub version: String,
    /// The name of the machine it runs on, or of its container.
    pub host: String,
    /// When it was started, unix milliseconds.
    pub since: u64,
    /// When it last said that it is there, unix milliseconds by its own clock; 0 from one that does not tell.
    #[serde(default)]
    pub announced: u64,
    /// How much it has to do: what it counts, and how many of it there are.
    pub load: BTreeMap<String, u64>,
    /// Whether it takes work.
    #[serde(default)]
    pub state: ServiceState,
    /// Why it is not ready; none while it is.
    #[serde(default)]
    pub complaint: Option<String>,
}

/// Whether a service takes work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceState {
    /// It does.
    #[default]
    #[serde(rename = "ready")]
    Ready,
    /// Something that it needs is not there.
    #[serde(rename = "not ready")]
    NotReady,
    /// It was told to stop, and ends when its work is finished or handed over.
    #[serde(rename = "stopping")]
    Stopping,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_printed() {
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
