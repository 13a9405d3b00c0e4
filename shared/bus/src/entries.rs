//! A look at the entries of a road, for operators: what lies there, and what comes while they look. Nobody
//! works on what is looked at, and it stays where it is.
//!
//! What is done is deleted, so a road on which all goes well is empty most of the time; whoever wants to
//! see what passes has to look on for a while. Bounds: [`MAX_ENTRIES`] of each, and of what lies there
//! [`MAX_BYTES`] and one entry more. What comes faster than it can be read, and is deleted at once, may be
//! missed.

use crate::codec::Fields;
use crate::topic;
use crate::{Bus, LogLine, SendError, line};
use std::time::Duration;

/// No more entries are looked at, of those that lie there, and of those that come.
pub const MAX_ENTRIES: usize = 100;
/// About how many bytes of what lies there are looked at, its newest entries first.
pub const MAX_BYTES: usize = 1 << 20;
/// For how long one can look on, at most.
pub const MAX_WATCH: Duration = Duration::from_secs(2);

/// An entry of a road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its name on this road; a later one's numbers are greater.
    pub id: String,
    /// When it was added, unix milliseconds.
    pub at: u64,
    /// What it says.
    pub fields: LogLine,
}

impl StreamEntry {
    pub(crate) fn new(id: String, at: u64, fields: &Fields) -> Self {
        Self { id, at, fields: line::from_fields(fields) }
    }
}

impl Bus {
    /// The newest `count` entries of the road with this key, oldest first, and behind them those that come
    /// within `watch`, which were perhaps finished and deleted at once. None where there is no such road.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn peek(
        &self,
        key: &str,
        count: usize,
        watch: Duration,
    ) -> Result<Option<Vec<StreamEntry>>, SendError> {
        if !topic::is_known_stream(key) {
            return Ok(None);
        }
        let (count, watch) = (count.min(MAX_ENTRIES), watch.min(MAX_WATCH));
        match self {
            Self::Memory(bus) => Ok(bus.peek(key, count, watch).await),
            Self::Redis(bus) => bus.peek(key, count, watch).await,
        }
    }
}
