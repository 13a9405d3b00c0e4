//! Lists, by page: a walk with `SCAN`, whose cursor says where it goes on, so that nobody waits for
//! Redis and nothing is kept between two pages.
//!
//! A step of the walk can find more than a page takes. Its finds are then put in the order of their
//! places, and the next page takes the same step again from there. A table of Redis that shrinks just
//! then can have moved something to a place before that: such a thing is not named in this walk.

use super::clock::{self, Now};
use super::users::{USER_FIELDS, UserFields, seen_user};
use super::{RedisDirectory, keys, parsed};
use crate::Result;
use crate::listed::{Cursor, ListedSession, Page, place};
use crate::record::{Call, Registered};
use protocol::{ServiceId, SessionId};
use std::collections::BTreeMap;

/// How many keys Redis looks at in one step.
const STEP: usize = 1_000;
/// How many steps one page takes.
const STEPS: usize = 50;

/// `edge`, `away` of a session.
type SessionFields = (Option<String>, Option<String>);
/// `record`, `ended` of a call.
type CallFields = (Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn users_page(&self, after: Cursor, limit: usize) -> Result<Page<Registered>> {
        let names = self.page(keys::USERS, after, limit).await?;
        let mut pipe = redis::pipe();
        names.items.iter().for_each(|name| {
            pipe.hmget(keys::user(name), USER_FIELDS);
        });
        let records: Vec<UserFields> = self.fields(keys::USERS, &pipe, &names).await?;
        listed(names, records, |name, fields| Ok(seen_user(&keys::user(&name), &name, fields).ok().flatten()))
    }

    pub(crate) async fn sessions_page(&self, after: Cursor, limit: usize) -> Result<Page<ListedSession>> {
        let ids = self.page(keys::SESSIONS, after, limit).await?;
        let mut pipe = redis::pipe();
        ids.items.iter().for_each(|id| {
            pipe.hmget(format!("{}{id}", keys::SESSIONS), &["edge", "away"]);
        });
        let records: Vec<SessionFields> = self.fields(keys::SESSIONS, &pipe, &ids).await?;
        let (now,): (Now,) = self.link.ask(keys::SESSIONS, redis::pipe().cmd("TIME")).await?;
        listed(ids, records, |id, (edge, away)| {
            let session = SessionId(parsed(keys::SESSIONS, &id)?);
            let away = away.map(|away| parsed(keys::SESSIONS, &away)).transpose()?;
            let away = away.map(|away| clock::since(away, now));
            Ok(edge.map(|edge| ListedSession { session, edge: ServiceId(edge), away }))
        })
    }

    pub(crate) async fn calls_page(&self, after: Cursor, limit: usize) -> Result<Page<Call>> {
        let ids = self.page(keys::CALLS, after, limit).await?;
        let mut pipe = redis::pipe();
        ids.items.iter().for_each(|id| {
            pipe.hmget(format!("{}{id}", keys::CALLS), &["record", "ended"]);
        });
        let records: Vec<CallFields> = self.fields(keys::CALLS, &pipe, &ids).await?;
        listed(ids, records, |id, fields| match fields {
            (Some(record), None) => super::calls::read(&format!("{}{id}", keys::CALLS), &record).map(Some),
            _ => Ok(None),
        })
    }

    pub(crate) async fn session_state(&self, session: SessionId) -> Result<Option<String>> {
        let key = keys::session(session);
        let (state,) = self.link.ask(&key, redis::pipe().hget(&key, "state")).await?;
        Ok(state)
    }

    async fn fields<T: redis::FromRedisValue>(
        &self,
        key: &str,
        pipe: &redis::Pipeline,
        page: &Page<String>,
    ) -> Result<Vec<T>> {
        if page.items.is_empty() {
            return Ok(Vec::new());
        }
        self.link.ask(key, pipe).await
    }

    /// The ends of the keys that begin so. What is no text is none of ours.
    async fn page(&self, start: &str, after: Cursor, limit: usize) -> Result<Page<String>> {
        let (mut items, mut at) = (BTreeMap::new(), after);
        for _ in 0..STEPS {
            let (next, found) = self.step(start, at).await?;
            for (place, end) in found {
                if items.len() == limit {
                    return Ok(Page { items: items.into_values().collect(), next: Some(at) });
                }
                at.past = Some(place);
                items.entry(place).or_insert(end);
            }
            at = Cursor { step: next, past: None };
            if next == 0 {
                return Ok(Page { items: items.into_values().collect(), next: None });
            }
        }
        Ok(Page { items: items.into_values().collect(), next: Some(at) })
    }

    /// What one step finds behind the cursor, by place, and the next step.
    async fn step(&self, start: &str, at: Cursor) -> Result<(u64, BTreeMap<u64, String>)> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(at.step).arg("MATCH").arg(format!("{start}*")).arg("COUNT").arg(STEP);
        let mut pipe = redis::pipe();
        pipe.add_command(scan);
        let ((next, found),): ((u64, Vec<Vec<u8>>),) = self.link.ask(start, &pipe).await?;
        let ends = found.into_iter().filter_map(|key| {
            let end = str::from_utf8(&key).ok()?.strip_prefix(start)?.to_owned();
            Some((place(&key), end))
        });
        Ok((next, ends.filter(|(place, _)| at.past.is_none_or(|past| *place > past)).collect()))
    }
}

/// The items of a page, each with its fields; none where the record is gone by now.
fn listed<F, T>(
    page: Page<String>,
    records: Vec<F>,
    mut read: impl FnMut(String, F) -> Result<Option<T>>,
) -> Result<Page<T>> {
    let items = page.items.into_iter().zip(records).filter_map(|(end, fields)| read(end, fields).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}
