//! A session as an edge writes it down in the directory, for the next that has it.

use super::{Detaching, Session};
use crate::session::handle::{ClockPair, Handle, HandleSnapshot};
use bus::message::Address;
use common::{MessageId, ServiceId};
use protocol::{HandleId, SessionId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Operators are shown the ids of the `handles` (the rest service).
#[derive(Serialize, Deserialize)]
struct SessionSnapshot<'a> {
    token_digest: Cow<'a, Option<String>>,
    handles: BTreeMap<HandleId, HandleSnapshot<'a>>,
    detaching: BTreeMap<HandleId, DetachingSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct DetachingSnapshot {
    release: MessageId,
    deadline: u64,
}

impl Session {
    /// The whole session as JSON.
    pub fn snapshot(&self, now: Instant, unix_now_ms: u64) -> String {
        let clock = ClockPair { now, unix_ms: unix_now_ms };
        let departing = |departing: &Detaching| DetachingSnapshot {
            release: departing.release,
            deadline: clock.to_unix_ms(departing.deadline),
        };
        let saved = SessionSnapshot {
            token_digest: Cow::Borrowed(&self.token_digest),
            handles: self.handles.iter().map(|(id, handle)| (*id, handle.snapshot(clock))).collect(),
            detaching: self.detaching.iter().map(|(id, gone)| (*id, departing(gone))).collect(),
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
        let clock = ClockPair { now, unix_ms: unix_now_ms };
        let saved: SessionSnapshot<'_> = serde_json::from_str(state)?;
        let address = |handle| Address { edge: edge.clone(), session: id, handle };
        let handle = |(id, saved)| (id, Box::new(Handle::restore(saved, address(id), clock)));
        let departing = |(id, DetachingSnapshot { release, deadline: until })| {
            (id, Detaching { release, deadline: clock.to_instant(until) })
        };
        Ok(Self {
            id,
            last_request: now,
            token_digest: saved.token_digest.into_owned(),
            handles: saved.handles.into_iter().map(handle).collect(),
            detaching: saved.detaching.into_iter().map(departing).collect(),
        })
    }
}
