//! A session as an edge writes it down in the directory, for the next that has it.

use super::{Departing, Session};
use crate::handle::{Clock, Handle, Saved};
use bus::message::Address;
use protocol::{HandleId, MessageId, ServiceId, SessionId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Operators are shown the ids of the `handles` (the rest service).
#[derive(Serialize, Deserialize)]
struct SavedSession<'a> {
    proof: Cow<'a, Option<String>>,
    handles: BTreeMap<HandleId, Saved<'a>>,
    departing: BTreeMap<HandleId, SavedDeparting>,
}

#[derive(Serialize, Deserialize)]
struct SavedDeparting {
    release: MessageId,
    until: u64,
}

impl Session {
    /// The whole session as JSON.
    pub fn save(&self, now: Instant, unix_now_ms: u64) -> String {
        let clock = Clock { now, unix_ms: unix_now_ms };
        let departing = |departing: &Departing| SavedDeparting {
            release: departing.release,
            until: clock.written(departing.until),
        };
        let saved = SavedSession {
            proof: Cow::Borrowed(&self.proof),
            handles: self.handles.iter().map(|(id, handle)| (*id, handle.save(clock))).collect(),
            departing: self.departing.iter().map(|(id, gone)| (*id, departing(gone))).collect(),
        };
        protocol::raw(&saved).get().to_owned()
    }

    /// The session that was written down, at the edge that has it now. It counts as having asked for
    /// something just now.
    ///
    /// # Errors
    /// When `state` is not what [`save`](Self::save) writes.
    pub fn restore(
        state: &str,
        id: SessionId,
        edge: &ServiceId,
        now: Instant,
        unix_now_ms: u64,
    ) -> serde_json::Result<Self> {
        let clock = Clock { now, unix_ms: unix_now_ms };
        let saved: SavedSession<'_> = serde_json::from_str(state)?;
        let address = |handle| Address { edge: edge.clone(), session: id, handle };
        let handle = |(id, saved)| (id, Box::new(Handle::restore(saved, address(id), clock)));
        let departing =
            |(id, SavedDeparting { release, until })| (id, Departing { release, until: clock.read(until) });
        Ok(Self {
            id,
            last_request: now,
            proof: saved.proof.into_owned(),
            handles: saved.handles.into_iter().map(handle).collect(),
            departing: saved.departing.into_iter().map(departing).collect(),
        })
    }
}
