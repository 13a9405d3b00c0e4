//! Sessions.

use super::clock::{self, RedisTime};
use super::edges::session_member;
use super::scripts::{CLAIM_SESSION, DELETE_IF, OPEN_SESSION, SAVE_SESSION};
use super::{RedisDirectory, keys, parse};
use crate::record::{BacklogUpdate, ClaimedSession, SaveOutcome, SaveRequest, Session, SessionPolicy};
use crate::{MAX_PREVIOUS_EDGES, Result};
use common::ServiceId;
use protocol::SessionId;
use std::collections::HashMap;
use std::time::Duration;

/// `edge`, `grace`, `proof`, `away` of a session.
type SessionFields = (Option<String>, Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    /// The edge's index first, then the record.
    pub(crate) async fn open_session(
        &self,
        session: SessionId,
        edge: &ServiceId,
        policy: &SessionPolicy,
    ) -> Result<bool> {
        let (key, held) = (keys::session(session), keys::owned(edge));
        let mut open = OPEN_SESSION.key(&key);
        open.arg(edge.as_str()).arg(clock::capped_millis(policy.grace)).arg(&policy.token_digest);
        let mut pipe = redis::pipe();
        pipe.sadd(&held, session_member(session)).ignore().invoke_script(&open);
        let (holder,): (Option<String>,) = self.connection.query(&key, &pipe).await?;
        if holder.as_ref().is_some_and(|holder| holder != edge.as_str()) {
            () = self
                .connection
                .query(&held, redis::pipe().srem(&held, session_member(session)).ignore())
                .await?;
        }
        Ok(holder.is_none())
    }

    pub(crate) async fn session(&self, session: SessionId) -> Result<Option<Session>> {
        let key = keys::session(session);
        let mut pipe = redis::pipe();
        pipe.hmget(&key, &["edge", "grace", "proof", "away"]).cmd("TIME");
        let (fields, now): (SessionFields, RedisTime) = self.connection.query(&key, &pipe).await?;
        let (Some(edge), Some(grace), proof, away) = fields else { return Ok(None) };
        let grace = Duration::from_millis(parse(&key, &grace)?);
        let away = away.map(|away| parse(&key, &away)).transpose()?;
        let away = away.map(|away| clock::elapsed_since(away, now));
        Ok(Some(Session {
            edge: ServiceId(edge),
            policy: SessionPolicy { token_digest: proof, grace },
            away,
        }))
    }

    /// Where something is added the script goes along: were the pipeline sent twice because a part of it did
    /// not know the script, what the other part adds would be added twice.
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
        for SaveRequest { session, state, backlog: unheard, away } in saves {
            let away = away.map(|away| clock::capped_millis(away).to_string()).unwrap_or_default();
            let (how, texts) = match unheard {
                BacklogUpdate::Append(more) => ("add", more),
                BacklogUpdate::Replace(all) => ("only", all),
            };
            let mut save = SAVE_SESSION.key(keys::session(*session));
            save.arg(edge.as_str()).arg(state).arg(away).arg(how).arg(texts);
            pipe.invoke_script(&save);
        }
        let holders: Vec<Option<String>> = self.connection.query("sb:session", &pipe).await?;
        let saved = |holder: Option<String>| match holder {
            None => SaveOutcome::Missing,
            Some(holder) if holder == edge.as_str() => SaveOutcome::Saved,
            Some(holder) => SaveOutcome::OwnedBy(ServiceId(holder)),
        };
        Ok(holders.into_iter().map(saved).collect())
    }

    /// Refused, it stays in the index of `to`: taken out again, it might be another claim's by then.
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
        if from != to {
            pipe.srem(keys::owned(from), session_member(session)).ignore();
        }
        let (written,): (Option<HashMap<String, String>>,) = self.connection.query(&key, &pipe).await?;
        written.map(|fields| parse_claimed(&key, fields)).transpose()
    }

    /// The record first, then the edge's index.
    pub(crate) async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        let key = keys::session(session);
        let mut close = DELETE_IF.key(&key);
        let mut pipe = redis::pipe();
        pipe.invoke_script(close.arg("edge").arg(edge.as_str())).ignore();
        pipe.srem(keys::owned(edge), session_member(session)).ignore();
        self.connection.query(&key, &pipe).await
    }
}

fn parse_claimed(key: &str, mut fields: HashMap<String, String>) -> Result<ClaimedSession> {
    let unheard = fields.get("unheard").map_or(Ok(0), |count| parse::<u64>(key, count))?;
    let unheard = (1..=unheard).filter_map(|number| fields.remove(&format!("u:{number}"))).collect();
    let previous_edges = fields.get("previous_edges").map(String::as_str).unwrap_or_default().split(' ');
    let previous_edges = previous_edges.filter(|former| !former.is_empty()).map(ServiceId::from).collect();
    Ok(ClaimedSession { state: fields.remove("state"), backlog: unheard, previous_edges })
}
