//! Edges: their signs of life, and the lists of what they hold.

use super::clock::{RedisTime, capped_millis, elapsed_since};
use super::scripts::{OLDER, STAMP};
use super::{RedisDirectory, keys, parse};
use crate::Result;
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::time::Duration;

const HANDLE_MEMBER_PREFIX: &str = "h:";
const SESSION_MEMBER_PREFIX: &str = "s:";

/// How [`keys::held`] names a handle.
pub(super) fn handle_member(handle: HandleRef) -> String {
    format!("{HANDLE_MEMBER_PREFIX}{handle}")
}

/// How [`keys::held`] names a session.
pub(super) fn session_member(session: SessionId) -> String {
    format!("{SESSION_MEMBER_PREFIX}{session}")
}

impl RedisDirectory {
    pub(crate) async fn heartbeat(&self, edge: &ServiceId) -> Result<bool> {
        let mut stamp = STAMP.key(keys::EDGES);
        stamp.arg(edge.as_str()).arg(0);
        let (new,): (bool,) = self.connection.query(keys::EDGES, redis::pipe().invoke_script(&stamp)).await?;
        Ok(!new)
    }

    pub(crate) async fn deregister_edge(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.zadd(keys::EDGES, edge.as_str(), 0).ignore();
        self.connection.query(keys::EDGES, &pipe).await
    }

    pub(crate) async fn since_heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        let mut pipe = redis::pipe();
        pipe.zscore(keys::EDGES, edge.as_str()).cmd("TIME");
        let (seen, now): (Option<f64>, RedisTime) = self.connection.query(keys::EDGES, &pipe).await?;
        Ok(seen.map(|seen| elapsed_since(seen as u64, now)))
    }

    pub(crate) async fn stale_edges(&self, silent_for: Duration) -> Result<Vec<ServiceId>> {
        let mut older = OLDER.key(keys::EDGES);
        older.arg(capped_millis(silent_for));
        let (edges,): (Vec<String>,) =
            self.connection.query(keys::EDGES, redis::pipe().invoke_script(&older)).await?;
        Ok(edges.into_iter().map(ServiceId).collect())
    }

    pub(crate) async fn owned_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        let key = keys::owned(edge);
        let command = |cursor: u64| redis::cmd("SSCAN").arg(&key).arg(cursor).take();
        let (mut handles, mut sessions) = (Vec::new(), Vec::new());
        for member in self.scan(&key, usize::MAX, command).await? {
            let member = String::from_utf8_lossy(&member);
            if let Some(handle) = member.strip_prefix(HANDLE_MEMBER_PREFIX) {
                handles.push(parse(&key, handle)?);
            } else if let Some(session) = member.strip_prefix(SESSION_MEMBER_PREFIX) {
                sessions.push(SessionId(parse(&key, session)?));
            }
        }
        Ok((handles, sessions))
    }

    /// What it held first, then the sign of life: an edge half forgotten is still found silent.
    pub(crate) async fn remove_edge(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.cmd("UNLINK").arg(keys::owned(edge)).ignore().zrem(keys::EDGES, edge.as_str()).ignore();
        self.connection.query(keys::EDGES, &pipe).await
    }
}
