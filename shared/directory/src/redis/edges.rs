//! Edges: their signs of life, and the lists of what they hold.

use super::clock::{Now, milliseconds, since};
use super::scripts::{OLDER, STAMP};
use super::{RedisDirectory, keys, parsed};
use crate::Result;
use protocol::{HandleRef, ServiceId, SessionId};
use std::time::Duration;

const HANDLE: &str = "h:";
const SESSION: &str = "s:";

/// How [`keys::held`] names a handle.
pub(super) fn held_handle(handle: HandleRef) -> String {
    format!("{HANDLE}{handle}")
}

/// How [`keys::held`] names a session.
pub(super) fn held_session(session: SessionId) -> String {
    format!("{SESSION}{session}")
}

impl RedisDirectory {
    pub(crate) async fn edge_alive(&self, edge: &ServiceId) -> Result<bool> {
        let mut stamp = STAMP.key(keys::EDGES);
        stamp.arg(edge.as_str()).arg(0);
        let (new,): (bool,) = self.link.ask(keys::EDGES, redis::pipe().invoke_script(&stamp)).await?;
        Ok(!new)
    }

    pub(crate) async fn edge_leaves(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.zadd(keys::EDGES, edge.as_str(), 0).ignore();
        self.link.ask(keys::EDGES, &pipe).await
    }

    pub(crate) async fn edge_silence(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        let mut pipe = redis::pipe();
        pipe.zscore(keys::EDGES, edge.as_str()).cmd("TIME");
        let (seen, now): (Option<f64>, Now) = self.link.ask(keys::EDGES, &pipe).await?;
        Ok(seen.map(|seen| since(seen as u64, now)))
    }

    pub(crate) async fn silent_edges(&self, silent_for: Duration) -> Result<Vec<ServiceId>> {
        let mut older = OLDER.key(keys::EDGES);
        older.arg(milliseconds(silent_for));
        let (edges,): (Vec<String>,) =
            self.link.ask(keys::EDGES, redis::pipe().invoke_script(&older)).await?;
        Ok(edges.into_iter().map(ServiceId).collect())
    }

    pub(crate) async fn held_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        let key = keys::held(edge);
        let command = |cursor: u64| redis::cmd("SSCAN").arg(&key).arg(cursor).take();
        let (mut handles, mut sessions) = (Vec::new(), Vec::new());
        for member in self.scan(&key, usize::MAX, command).await? {
            let member = String::from_utf8_lossy(&member);
            if let Some(handle) = member.strip_prefix(HANDLE) {
                handles.push(parsed(&key, handle)?);
            } else if let Some(session) = member.strip_prefix(SESSION) {
                sessions.push(SessionId(parsed(&key, session)?));
            }
        }
        Ok((handles, sessions))
    }

    /// What it held first, then the sign of life: an edge half forgotten is still found silent.
    pub(crate) async fn forget_edge(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.cmd("UNLINK").arg(keys::held(edge)).ignore().zrem(keys::EDGES, edge.as_str()).ignore();
        self.link.ask(keys::EDGES, &pipe).await
    }
}
