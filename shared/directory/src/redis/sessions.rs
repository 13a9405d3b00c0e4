//! Sessions and the edges that hold them.

use super::scripts::{DELETE_IF, OLDER, STAMP};
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
fn held_session(session: SessionId) -> String {
    format!("{SESSION}{session}")
}

impl RedisDirectory {
    /// The edge's index first, then the record.
    pub(crate) async fn open_session(&self, session: SessionId, edge: &ServiceId) -> Result<bool> {
        let (key, held) = (keys::session(session), keys::held(edge));
        let mut pipe = redis::pipe();
        pipe.sadd(&held, held_session(session)).ignore();
        pipe.hset_nx(&key, "edge", edge.as_str()).hget(&key, "edge");
        let (opened, holder): (bool, String) = self.link.ask(&key, &pipe).await?;
        if holder != edge.as_str() {
            () = self.link.ask(&held, redis::pipe().srem(&held, held_session(session)).ignore()).await?;
        }
        Ok(opened)
    }

    pub(crate) async fn session(&self, session: SessionId) -> Result<Option<ServiceId>> {
        let key = keys::session(session);
        let (edge,): (Option<String>,) = self.link.ask(&key, redis::pipe().hget(&key, "edge")).await?;
        Ok(edge.map(ServiceId))
    }

    /// The record first, then the edge's index.
    pub(crate) async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        let key = keys::session(session);
        let mut close = DELETE_IF.key(&key);
        let mut pipe = redis::pipe();
        pipe.invoke_script(close.arg("edge").arg(edge.as_str())).ignore();
        pipe.srem(keys::held(edge), held_session(session)).ignore();
        self.link.ask(&key, &pipe).await
    }

    pub(crate) async fn edge_alive(&self, edge: &ServiceId) -> Result<()> {
        let mut stamp = STAMP.key(keys::EDGES);
        stamp.arg(edge.as_str()).arg(0);
        self.link.ask(keys::EDGES, redis::pipe().invoke_script(&stamp).ignore()).await
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

/// At least one, and no more than Redis' arithmetic takes.
pub(super) fn milliseconds(time: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    time.as_millis().clamp(1, CENTURY) as u64
}
