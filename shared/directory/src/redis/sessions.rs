//! Sessions.

use super::clock::{self, Now};
use super::edges::held_session;
use super::scripts::{CLAIM_SESSION, DELETE_IF, OPEN_SESSION, SAVE_SESSION};
use super::{RedisDirectory, keys, parsed};
use crate::record::{Inherited, Save, Saved, Session, Terms, Unheard};
use crate::{FORMERS, Result};
use protocol::{ServiceId, SessionId};
use std::collections::HashMap;
use std::time::Duration;

/// `edge`, `grace`, `proof`, `away` of a session.
type Fields = (Option<String>, Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    /// The edge's index first, then the record.
    pub(crate) async fn open_session(
        &self,
        session: SessionId,
        edge: &ServiceId,
        terms: &Terms,
    ) -> Result<bool> {
        let (key, held) = (keys::session(session), keys::held(edge));
        let mut open = OPEN_SESSION.key(&key);
        open.arg(edge.as_str()).arg(clock::milliseconds(terms.grace)).arg(&terms.proof);
        let mut pipe = redis::pipe();
        pipe.sadd(&held, held_session(session)).ignore().invoke_script(&open);
        let (holder,): (Option<String>,) = self.link.ask(&key, &pipe).await?;
        if holder.as_ref().is_some_and(|holder| holder != edge.as_str()) {
            () = self.link.ask(&held, redis::pipe().srem(&held, held_session(session)).ignore()).await?;
        }
        Ok(holder.is_none())
    }

    pub(crate) async fn session(&self, session: SessionId) -> Result<Option<Session>> {
        let key = keys::session(session);
        let mut pipe = redis::pipe();
        pipe.hmget(&key, &["edge", "grace", "proof", "away"]).cmd("TIME");
        let (fields, now): (Fields, Now) = self.link.ask(&key, &pipe).await?;
        let (Some(edge), Some(grace), proof, away) = fields else { return Ok(None) };
        let grace = Duration::from_millis(parsed(&key, &grace)?);
        let away = away.map(|away| parsed(&key, &away)).transpose()?;
        let away = away.map(|away| clock::since(away, now));
        Ok(Some(Session { edge: ServiceId(edge), terms: Terms { proof, grace }, away }))
    }

    /// Where something is added the script goes along: were the pipeline sent twice because a part of it did
    /// not know the script, what the other part adds would be added twice.
    pub(crate) async fn save_sessions(&self, edge: &ServiceId, saves: &[Save]) -> Result<Vec<Saved>> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        if saves.iter().any(|save| matches!(&save.unheard, Unheard::Add(more) if !more.is_empty())) {
            pipe.load_script(&SAVE_SESSION).ignore();
        }
        for Save { session, state, unheard, away } in saves {
            let away = away.map(|away| clock::milliseconds(away).to_string()).unwrap_or_default();
            let (how, texts) = match unheard {
                Unheard::Add(more) => ("add", more),
                Unheard::Only(all) => ("only", all),
            };
            let mut save = SAVE_SESSION.key(keys::session(*session));
            save.arg(edge.as_str()).arg(state).arg(away).arg(how).arg(texts);
            pipe.invoke_script(&save);
        }
        let holders: Vec<Option<String>> = self.link.ask("sb:session", &pipe).await?;
        let saved = |holder: Option<String>| match holder {
            None => Saved::Missing,
            Some(holder) if holder == edge.as_str() => Saved::Yes,
            Some(holder) => Saved::HeldBy(ServiceId(holder)),
        };
        Ok(holders.into_iter().map(saved).collect())
    }

    /// Refused, it stays in the index of `to`: taken out again, it might be another claim's by then.
    pub(crate) async fn claim_session(
        &self,
        session: SessionId,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<Option<Inherited>> {
        let key = keys::session(session);
        let mut claim = CLAIM_SESSION.key(&key);
        claim.arg(from.as_str()).arg(to.as_str()).arg(FORMERS);
        let mut pipe = redis::pipe();
        pipe.sadd(keys::held(to), held_session(session)).ignore().invoke_script(&claim);
        if from != to {
            pipe.srem(keys::held(from), held_session(session)).ignore();
        }
        let (written,): (Option<HashMap<String, String>>,) = self.link.ask(&key, &pipe).await?;
        written.map(|fields| inherited(&key, fields)).transpose()
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
}

fn inherited(key: &str, mut fields: HashMap<String, String>) -> Result<Inherited> {
    let unheard = fields.get("unheard").map_or(Ok(0), |count| parsed::<u64>(key, count))?;
    let unheard = (1..=unheard).filter_map(|number| fields.remove(&format!("u:{number}"))).collect();
    let formers = fields.get("formers").map(String::as_str).unwrap_or_default().split(' ');
    let formers = formers.filter(|former| !former.is_empty()).map(ServiceId::from).collect();
    Ok(Inherited { state: fields.remove("state"), unheard, formers })
}
