//! Sessions, the edges that own them, and the edges' heartbeats.

use super::connection::{CLAIM_SESSION, DELETE_IF, HEARTBEAT, OPEN_SESSION, SAVE_SESSION, STALE_MEMBERS};
use super::{RedisDirectory, RedisTime, capped_millis, elapsed_since, keys, parse, ttl_millis};
use crate::record::{BacklogUpdate, ClaimedSession, SaveOutcome, SaveRequest, Session, SessionPolicy};
use crate::{MAX_PREVIOUS_EDGES, Result};
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::collections::HashMap;
use std::time::Duration;

const HANDLE_MEMBER_PREFIX: &str = "h:";
const SESSION_MEMBER_PREFIX: &str = "s:";

/// `edge`, `grace`, `token_digest`, `away`, `client` of a session.
type SessionFields = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    /// Writes the edge's index first, then the record.
    pub(crate) async fn open_session(
        &self,
        session: SessionId,
        edge: &ServiceId,
        policy: &SessionPolicy,
    ) -> Result<bool> {
        let (key, index) = (keys::session(session), keys::owned(edge));
        let mut open = OPEN_SESSION.key(&key);
        open.arg(edge.as_str()).arg(capped_millis(policy.grace)).arg(&policy.token_digest);
        let mut pipe = redis::pipe();
        pipe.sadd(&index, session_member(session)).ignore().invoke_script(&open);
        let (owner,): (Option<String>,) = self.connection.query(&key, &pipe).await?;
        if owner.as_ref().is_some_and(|owner| owner != edge.as_str()) {
            let mut undo = redis::pipe();
            () = self.connection.query(&index, undo.srem(&index, session_member(session)).ignore()).await?;
        }
        Ok(owner.is_none())
    }

    pub(crate) async fn session(&self, session: SessionId) -> Result<Option<Session>> {
        let key = keys::session(session);
        let mut pipe = redis::pipe();
        pipe.hmget(&key, &["edge", "grace", "token_digest", "away", "client"]).cmd("TIME");
        let (fields, now): (SessionFields, RedisTime) = self.connection.query(&key, &pipe).await?;
        let (Some(edge), Some(grace), token_digest, away, client) = fields else { return Ok(None) };
        let grace = Duration::from_millis(parse(&key, &grace)?);
        let away = away.map(|away| parse(&key, &away)).transpose()?;
        let away = away.map(|away| elapsed_since(away, now));
        Ok(Some(Session {
            edge: ServiceId(edge),
            policy: SessionPolicy { token_digest, grace },
            away,
            client,
        }))
    }

    /// Loads the script in the same pipeline if a save appends. Otherwise Redis could lack the script for a part
    /// of the pipeline only. The pipeline would be sent again, and the other part would append twice.
    pub(crate) async fn save_sessions(
        &self,
        edge: &ServiceId,
        saves: &[SaveRequest],
    ) -> Result<Vec<SaveOutcome>> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        if saves.iter().any(|save| matches!(&save.backlog, BacklogUpdate::Append(more) if !more.is_empty())) {
            pipe.load_script(&SAVE_SESSION).ignore();
        }
        for SaveRequest { session, state, backlog, away, client } in saves {
            let away = away.map(|away| capped_millis(away).to_string()).unwrap_or_default();
            let (mode, messages) = match backlog {
                BacklogUpdate::Append(more) => ("append", more),
                BacklogUpdate::Replace(all) => ("replace", all),
            };
            let mut save = SAVE_SESSION.key(keys::session(*session));
            save.arg(edge.as_str()).arg(state).arg(away).arg(mode);
            save.arg(client.as_deref().unwrap_or_default()).arg(messages);
            pipe.invoke_script(&save);
        }
        let owners: Vec<Option<String>> = self.connection.query("sb:session", &pipe).await?;
        let outcome = |owner: Option<String>| match owner {
            None => SaveOutcome::Missing,
            Some(owner) if owner == edge.as_str() => SaveOutcome::Saved,
            Some(owner) => SaveOutcome::OwnedBy(ServiceId(owner)),
        };
        Ok(owners.into_iter().map(outcome).collect())
    }

    /// After a refusal the session stays in the index of `to`: another claim of that edge may have put it
    /// there.
    pub(crate) async fn claim_session(
        &self,
        session: SessionId,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<Option<ClaimedSession>> {
        let key = keys::session(session);
        let mut claim = CLAIM_SESSION.key(&key);
        claim.arg(from.as_str()).arg(to.as_str()).arg(MAX_PREVIOUS_EDGES);
        let mut pipe = redis::pipe();
        pipe.sadd(keys::owned(to), session_member(session)).ignore().invoke_script(&claim);
        let (record,): (Option<HashMap<String, String>>,) = self.connection.query(&key, &pipe).await?;
        if from != to {
            // Not in the same pipeline: a Redis without memory refuses the claim, but not this removal. A member that
            // is left behind does no harm.
            let mut remove = redis::pipe();
            remove.srem(keys::owned(from), session_member(session)).ignore();
            let removed: Result<()> = self.connection.query(&key, &remove).await;
            drop(removed);
        }
        record.map(|fields| parse_claimed(&key, fields)).transpose()
    }

    /// Removes the record first, then the index entry.
    pub(crate) async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        let key = keys::session(session);
        let mut close = DELETE_IF.key(&key);
        let mut pipe = redis::pipe();
        pipe.invoke_script(close.arg("edge").arg(edge.as_str())).ignore();
        pipe.srem(keys::owned(edge), session_member(session)).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        let mut heartbeat = HEARTBEAT.key(keys::EDGES);
        heartbeat.arg(edge.as_str());
        let mut pipe = redis::pipe();
        let (previous,): (Option<u64>,) =
            self.connection.query(keys::EDGES, pipe.invoke_script(&heartbeat)).await?;
        Ok(previous.map(Duration::from_millis))
    }

    pub(crate) async fn router_heartbeat(&self, router: &ServiceId) -> Result<Option<Duration>> {
        let mut heartbeat = HEARTBEAT.key(keys::ROUTERS);
        heartbeat.arg(router.as_str()).arg(ttl_millis(keys::ROUTER_TTL));
        let mut pipe = redis::pipe();
        let (previous,): (Option<u64>,) =
            self.connection.query(keys::ROUTERS, pipe.invoke_script(&heartbeat)).await?;
        Ok(previous.map(Duration::from_millis))
    }

    pub(crate) async fn deregister_edge(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.zadd(keys::EDGES, edge.as_str(), 0).ignore();
        self.connection.query(keys::EDGES, &pipe).await
    }

    pub(crate) async fn since_heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        let mut pipe = redis::pipe();
        pipe.zscore(keys::EDGES, edge.as_str()).cmd("TIME");
        let (heartbeat_at, now): (Option<f64>, RedisTime) = self.connection.query(keys::EDGES, &pipe).await?;
        Ok(heartbeat_at.map(|heartbeat_at| elapsed_since(heartbeat_at as u64, now)))
    }

    pub(crate) async fn stale_edges(&self, threshold: Duration) -> Result<Vec<ServiceId>> {
        let mut stale = STALE_MEMBERS.key(keys::EDGES);
        stale.arg(capped_millis(threshold));
        let (edges,): (Vec<String>,) =
            self.connection.query(keys::EDGES, redis::pipe().invoke_script(&stale)).await?;
        Ok(edges.into_iter().map(ServiceId).collect())
    }

    pub(crate) async fn owned_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        let key = keys::owned(edge);
        let command = |cursor: u64| redis::cmd("SSCAN").arg(&key).arg(cursor).take();
        let (mut handles, mut sessions, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for member in self.scan(&key, usize::MAX, command).await? {
            let member = String::from_utf8_lossy(&member);
            if let Some(handle) = member.strip_prefix(HANDLE_MEMBER_PREFIX) {
                parse(&key, handle).map_or_else(|error| errors.push(error), |handle| handles.push(handle));
            } else if let Some(session) = member.strip_prefix(SESSION_MEMBER_PREFIX) {
                let session = parse(&key, session).map(SessionId);
                session.map_or_else(|error| errors.push(error), |session| sessions.push(session));
            }
        }
        self.note_malformed("sessions of an edge", &errors);
        Ok((handles, sessions))
    }

    /// Removes the index first, then the heartbeat: after an interruption the edge is still found stale.
    pub(crate) async fn remove_edge(&self, edge: &ServiceId) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.cmd("UNLINK").arg(keys::owned(edge)).ignore().zrem(keys::EDGES, edge.as_str()).ignore();
        self.connection.query(keys::EDGES, &pipe).await
    }
}

pub(super) fn parse_claimed(key: &str, mut fields: HashMap<String, String>) -> Result<ClaimedSession> {
    let count = fields.get("backlog").map_or(Ok(0), |count| parse::<u64>(key, count))?;
    // A wrong count must cost no more than the record has fields.
    let count = count.min(fields.len() as u64);
    let backlog = (1..=count).filter_map(|number| fields.remove(&format!("m:{number}"))).collect();
    let edges = fields.get("previous_edges").map(String::as_str).unwrap_or_default().split(' ');
    let previous_edges = edges.filter(|edge| !edge.is_empty()).map(ServiceId::from).collect();
    Ok(ClaimedSession { state: fields.remove("state"), backlog, previous_edges })
}

/// The member of [`keys::owned`] for a handle.
pub(super) fn handle_member(handle: HandleRef) -> String {
    format!("{HANDLE_MEMBER_PREFIX}{handle}")
}

fn session_member(session: SessionId) -> String {
    format!("{SESSION_MEMBER_PREFIX}{session}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_count_of_a_backlog_costs_nothing() {
        let fields = [("state", "{}"), ("backlog", "18446744073709551615"), ("m:1", "first")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(parse_claimed("key", fields).unwrap().backlog, ["first"]);
    }
}
