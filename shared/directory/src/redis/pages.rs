//! Lists, by page: a walk with `SCAN`, whose cursor says where it goes on, so that nobody waits for
//! Redis and nothing is kept between two pages.
//!
//! A step of the walk can find more than a page takes. Its finds are then put in the order of their
//! places, and the next page takes the same step again from there. A table of Redis that shrinks just
//! then can have moved something to a place before that: such a thing is not named in this walk.

use super::clock::{self, RedisTime};
use super::users::{USER_FIELDS, UserFields, parse_user};
use super::{RedisDirectory, keys, parse};
use crate::Result;
use crate::listing::{Cursor, ListedSession, Page, name_hash};
use crate::record::{Call, RegisteredName};
use common::ServiceId;
use protocol::SessionId;
use std::collections::BTreeMap;

/// How many keys Redis looks at in one step.
const SCAN_COUNT: usize = 1_000;
/// How many steps one page takes.
const MAX_SCANS_PER_PAGE: usize = 50;

/// `edge`, `away` of a session.
type ListedSessionFields = (Option<String>, Option<String>);
/// `record`, `ended` of a call.
type ListedCallFields = (Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn users_page(&self, after: Cursor, limit: usize) -> Result<Page<RegisteredName>> {
        let names = self.scan_page(keys::USER_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        names.items.iter().for_each(|name| {
            pipe.hmget(keys::user(name), USER_FIELDS);
        });
        let records: Vec<UserFields> = self.query_fields(keys::USER_PREFIX, &pipe, &names).await?;
        parse_page(names, records, |name, fields| {
            Ok(parse_user(&keys::user(&name), &name, fields).ok().flatten())
        })
    }

    pub(crate) async fn sessions_page(&self, after: Cursor, limit: usize) -> Result<Page<ListedSession>> {
        let ids = self.scan_page(keys::SESSION_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        ids.items.iter().for_each(|id| {
            pipe.hmget(format!("{}{id}", keys::SESSION_PREFIX), &["edge", "away"]);
        });
        let records: Vec<ListedSessionFields> = self.query_fields(keys::SESSION_PREFIX, &pipe, &ids).await?;
        let (now,): (RedisTime,) =
            self.connection.query(keys::SESSION_PREFIX, redis::pipe().cmd("TIME")).await?;
        parse_page(ids, records, |id, (edge, away)| {
            let session = SessionId(parse(keys::SESSION_PREFIX, &id)?);
            let away = away.map(|away| parse(keys::SESSION_PREFIX, &away)).transpose()?;
            let away = away.map(|away| clock::elapsed_since(away, now));
            Ok(edge.map(|edge| ListedSession { session, edge: ServiceId(edge), away }))
        })
    }

    pub(crate) async fn calls_page(&self, after: Cursor, limit: usize) -> Result<Page<Call>> {
        let ids = self.scan_page(keys::CALL_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        ids.items.iter().for_each(|id| {
            pipe.hmget(format!("{}{id}", keys::CALL_PREFIX), &["record", "ended"]);
        });
        let records: Vec<ListedCallFields> = self.query_fields(keys::CALL_PREFIX, &pipe, &ids).await?;
        parse_page(ids, records, |id, fields| match fields {
            (Some(record), None) => {
                super::calls::parse_call(&format!("{}{id}", keys::CALL_PREFIX), &record).map(Some)
            }
            _ => Ok(None),
        })
    }

    pub(crate) async fn session_state(&self, session: SessionId) -> Result<Option<String>> {
        let key = keys::session(session);
        let (state,) = self.connection.query(&key, redis::pipe().hget(&key, "state")).await?;
        Ok(state)
    }

    async fn query_fields<T: redis::FromRedisValue>(
        &self,
        key: &str,
        pipe: &redis::Pipeline,
        page: &Page<String>,
    ) -> Result<Vec<T>> {
        if page.items.is_empty() {
            return Ok(Vec::new());
        }
        self.connection.query(key, pipe).await
    }

    /// The ends of the keys that begin so. What is no text is none of ours.
    async fn scan_page(&self, start: &str, after: Cursor, limit: usize) -> Result<Page<String>> {
        let (mut items, mut at) = (BTreeMap::new(), after);
        for _ in 0..MAX_SCANS_PER_PAGE {
            let (next, found) = self.scan_step(start, at).await?;
            for (place, end) in found {
                if items.len() == limit {
                    return Ok(Page { items: items.into_values().collect(), next: Some(at) });
                }
                at.after_hash = Some(place);
                items.entry(place).or_insert(end);
            }
            at = Cursor { step: next, after_hash: None };
            if next == 0 {
                return Ok(Page { items: items.into_values().collect(), next: None });
            }
        }
        Ok(Page { items: items.into_values().collect(), next: Some(at) })
    }

    /// What one step finds behind the cursor, by place, and the next step.
    async fn scan_step(&self, start: &str, at: Cursor) -> Result<(u64, BTreeMap<u64, String>)> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(at.step).arg("MATCH").arg(format!("{start}*")).arg("COUNT").arg(SCAN_COUNT);
        let mut pipe = redis::pipe();
        pipe.add_command(scan);
        let ((next, found),): ((u64, Vec<Vec<u8>>),) = self.connection.query(start, &pipe).await?;
        let ends = found.into_iter().filter_map(|key| {
            let end = str::from_utf8(&key).ok()?.strip_prefix(start)?.to_owned();
            Some((name_hash(&key), end))
        });
        Ok((next, ends.filter(|(place, _)| at.after_hash.is_none_or(|past| *place > past)).collect()))
    }
}

/// The items of a page, each with its fields; none where the record is gone by now.
fn parse_page<F, T>(
    page: Page<String>,
    records: Vec<F>,
    mut read: impl FnMut(String, F) -> Result<Option<T>>,
) -> Result<Page<T>> {
    let items = page.items.into_iter().zip(records).filter_map(|(end, fields)| read(end, fields).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}
