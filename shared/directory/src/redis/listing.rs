//! Scans in small steps, which do not delay other clients of Redis, and paginated lists.
//!
//! The cursor of `SCAN` is in the [`Cursor`], so nothing is kept between two pages. A step can find more keys
//! than fit into a page. They are ordered by hash, and the next page repeats the step and continues after the
//! last hash. If Redis shrinks its hash table in between, a key may have moved out of the step: this scan
//! misses it.

use super::calls::parse_call;
use super::names::{USER_FIELDS, UserFields, parse_user};
use super::{RedisDirectory, RedisTime, elapsed_since, keys, parse};
use crate::Result;
use crate::listing::{Cursor, ListedSession, Page, name_hash};
use crate::record::{Call, RegisteredName};
use common::{ErrorLog, ServiceId, warn_failure};
use protocol::SessionId;
use redis::Cmd;
use std::collections::{BTreeMap, HashSet};

static PAGING: ErrorLog = ErrorLog::new("reading pages of records");

/// How many keys or members Redis examines in one step.
pub(super) const SCAN_COUNT: usize = 1_000;
/// The bound of the steps for one page.
const MAX_SCANS_PER_PAGE: usize = 50;

/// `edge`, `away`, `client` of a session.
type ListedSessionFields = (Option<String>, Option<String>, Option<String>);
/// `record`, `ended` of a call.
type ListedCallFields = (Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn users_page(&self, after: Cursor, limit: usize) -> Result<Page<RegisteredName>> {
        let names = self.scan_page(keys::USER_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        for name in &names.items {
            pipe.hmget(keys::user(name), USER_FIELDS);
        }
        let records: Vec<Result<UserFields>> = self.query_each(keys::USER_PREFIX, &mut pipe).await?;
        Ok(parse_page(names, records, |name, fields| parse_user(&keys::user(name), name, fields)))
    }

    pub(crate) async fn sessions_page(&self, after: Cursor, limit: usize) -> Result<Page<ListedSession>> {
        let ids = self.scan_page(keys::SESSION_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        for id in &ids.items {
            pipe.hmget(format!("{}{id}", keys::SESSION_PREFIX), &["edge", "away", "client"]);
        }
        let records: Vec<Result<ListedSessionFields>> =
            self.query_each(keys::SESSION_PREFIX, &mut pipe).await?;
        let (now,): (RedisTime,) =
            self.connection.query(keys::SESSION_PREFIX, redis::pipe().cmd("TIME")).await?;
        Ok(parse_page(ids, records, |id, (edge, away, client)| {
            let session = SessionId(parse(keys::SESSION_PREFIX, id)?);
            let away = away.map(|away| parse(keys::SESSION_PREFIX, &away)).transpose()?;
            let away = away.map(|away| elapsed_since(away, now));
            Ok(edge.map(|edge| ListedSession { session, edge: ServiceId(edge), away, client }))
        }))
    }

    pub(crate) async fn calls_page(&self, after: Cursor, limit: usize) -> Result<Page<Call>> {
        let ids = self.scan_page(keys::CALL_PREFIX, after, limit).await?;
        let mut pipe = redis::pipe();
        for id in &ids.items {
            pipe.hmget(format!("{}{id}", keys::CALL_PREFIX), &["record", "ended"]);
        }
        let records: Vec<Result<ListedCallFields>> = self.query_each(keys::CALL_PREFIX, &mut pipe).await?;
        Ok(parse_page(ids, records, |id, fields| match fields {
            (Some(record), None) => parse_call(&format!("{}{id}", keys::CALL_PREFIX), &record).map(Some),
            _ => Ok(None),
        }))
    }

    pub(crate) async fn session_state(&self, session: SessionId) -> Result<Option<String>> {
        let key = keys::session(session);
        let (state,) = self.connection.query(&key, redis::pipe().hget(&key, "state")).await?;
        Ok(state)
    }

    /// Returns all that a `SCAN` or `SSCAN` finds, each once, and stops after `limit`. `command` builds it
    /// from a cursor.
    pub(super) async fn scan(
        &self,
        key: &str,
        limit: usize,
        command: impl Fn(u64) -> Cmd,
    ) -> Result<HashSet<Vec<u8>>> {
        let mut found = HashSet::new();
        let mut cursor = 0;
        loop {
            let mut step = redis::pipe();
            step.add_command(command(cursor).arg("COUNT").arg(SCAN_COUNT).take());
            let ((next, batch),): ((u64, Vec<Vec<u8>>),) = self.connection.query(key, &step).await?;
            found.extend(batch);
            cursor = next;
            if cursor == 0 || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Returns a page of the keys with this prefix, without the prefix. Skips keys that are not UTF-8.
    async fn scan_page(&self, prefix: &str, after: Cursor, limit: usize) -> Result<Page<String>> {
        let (mut items, mut at) = (BTreeMap::new(), after);
        for _ in 0..MAX_SCANS_PER_PAGE {
            let (next, found) = self.scan_step(prefix, at).await?;
            for (hash, name) in found {
                if items.len() == limit {
                    return Ok(page(items, Some(at)));
                }
                at.after_hash = Some(hash);
                items.entry(hash).or_insert(name);
            }
            at = Cursor { step: next, after_hash: None };
            if next == 0 {
                return Ok(page(items, None));
            }
        }
        Ok(page(items, Some(at)))
    }

    /// Returns the next step, and what this one finds after the cursor, by hash.
    async fn scan_step(&self, prefix: &str, at: Cursor) -> Result<(u64, BTreeMap<u64, String>)> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(at.step).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(SCAN_COUNT);
        let mut pipe = redis::pipe();
        pipe.add_command(scan);
        let ((next, found),): ((u64, Vec<Vec<u8>>),) = self.connection.query(prefix, &pipe).await?;
        let names = found.into_iter().filter_map(|key| {
            let name = str::from_utf8(&key).ok()?.strip_prefix(prefix)?.to_owned();
            Some((name_hash(&key), name))
        });
        Ok((next, names.filter(|(hash, _)| at.after_hash.is_none_or(|last| *hash > last)).collect()))
    }
}

fn page(names: BTreeMap<u64, String>, next: Option<Cursor>) -> Page<String> {
    Page { items: names.into_values().collect(), malformed: 0, next }
}

/// Parses the records of a page. Leaves out those that were removed after the scan, and malformed ones.
fn parse_page<F, T>(
    page: Page<String>,
    records: Vec<Result<F>>,
    parse: impl Fn(&str, F) -> Result<Option<T>>,
) -> Page<T> {
    let (mut items, mut malformed) = (Vec::new(), 0);
    for (name, fields) in page.items.into_iter().zip(records) {
        match fields.and_then(|fields| parse(&name, fields)) {
            Ok(item) => items.extend(item),
            Err(error) => {
                malformed += 1;
                tracing::debug!(%name, %error, "left a malformed record out of a list");
            }
        }
    }
    if malformed > 0 {
        warn_failure!(PAGING, malformed, "left malformed records out of a list; the level debug names them");
    }
    Page { items, malformed, next: page.next }
}
