//! Backends that sentinels, operators and other proxies registered.
//!
//! Those that were registered through us are in the index [`keys::REGISTERED`] and are returned at once.
//! Others have no index: each call continues a scan of all keys ([`DiscoveryScan`](super::DiscoveryScan)) for
//! some steps.

use super::connection::{REGISTER_BACKEND, UNREGISTER_BACKEND};
use super::listing::SCAN_COUNT;
use super::records::read_reply;
use super::{RedisDirectory, RedisTime, keys, malformed};
use crate::record::{BackendRegistration, BackendStatus, DiscoveredBackend};
use crate::{REGISTRATION_TTL_SECONDS, Result};
use common::BackendName;
use redis::Value;
use std::collections::BTreeSet;

/// The bound of the steps of a scan in one [`discovered_backends`](RedisDirectory::discovered_backends).
const MAX_SCANS_PER_CALL: usize = 20;

/// The fields of a record, in the order of [`RecordFields`].
pub(super) const RECORD_FIELDS: &[&str] = &[
    "url",
    "status",
    "session_timeout",
    "location",
    "isp",
    "session_num",
    "handle_num",
    "expire",
    "start_time",
    "utime",
    "ctime",
    "sb_until",
];
pub(super) type RecordFields = Vec<Option<String>>;

impl RedisDirectory {
    pub(crate) async fn register_backend(&self, registration: &BackendRegistration) -> Result<()> {
        let key = keys::backend(&registration.name);
        let mut register = REGISTER_BACKEND.key(&key);
        register.arg(registration.name.as_str()).arg(&registration.url).arg(registration.status.number());
        register.arg(REGISTRATION_TTL_SECONDS);
        for (field, value) in registration_fields(registration) {
            register.arg(field).arg(value);
        }
        let mut pipe = redis::pipe();
        pipe.invoke_script(&register).ignore();
        pipe.sadd(keys::REGISTERED, registration.name.as_str()).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn unregister_backend(&self, name: &BackendName) -> Result<bool> {
        let key = keys::backend(name);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&UNREGISTER_BACKEND.key(&key));
        pipe.srem(keys::REGISTERED, name.as_str()).ignore();
        let (deleted,) = self.connection.query(&key, &pipe).await?;
        Ok(deleted)
    }

    pub(crate) async fn discovered_backends(&self) -> Result<Vec<DiscoveredBackend>> {
        let names: Vec<BackendName> = self.scan_names().await?.into_iter().collect();
        let mut pipe = redis::pipe();
        pipe.cmd("TIME");
        for name in &names {
            pipe.hmget(keys::backend(name), RECORD_FIELDS);
        }
        let reply: Vec<Value> = self.connection.query(keys::BACKEND_PREFIX, pipe.ignore_errors()).await?;
        let Some((now, records)) = reply.split_first() else { return Ok(Vec::new()) };
        let now: RedisTime = read_reply(keys::BACKEND_PREFIX, now)??;
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for (name, fields) in names.into_iter().zip(records) {
            match read_reply::<RecordFields>(&keys::backend(&name), fields)? {
                Ok(fields) if fields.iter().all(Option::is_none) => missing.push(name),
                fields => found.push(fields.and_then(|fields| parse_discovered(&name, fields, now))),
            }
        }
        self.drop_missing(&missing).await?;
        Ok(self.keep_readable("discovered backends", found))
    }

    /// Continues the scan for some steps, and returns all names known then.
    async fn scan_names(&self) -> Result<BTreeSet<BackendName>> {
        let pattern = format!("{}*", keys::BACKEND_PREFIX);
        let mut registered: BTreeSet<String> = BTreeSet::new();
        let mut cursor = self.discovery.lock().cursor;
        for step in 0..MAX_SCANS_PER_CALL {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_COUNT);
            let mut pipe = redis::pipe();
            pipe.add_command(scan);
            if step == 0 {
                pipe.smembers(keys::REGISTERED);
                let (scanned, members): ((u64, Vec<Vec<u8>>), BTreeSet<String>) =
                    self.connection.query(keys::BACKEND_PREFIX, &pipe).await?;
                registered = members;
                cursor = self.discovery.lock().advance(scanned);
            } else {
                let (scanned,) = self.connection.query(keys::BACKEND_PREFIX, &pipe).await?;
                cursor = self.discovery.lock().advance(scanned);
            }
            if cursor == 0 {
                break;
            }
        }
        let mut names = self.discovery.lock().names.clone();
        names.extend(registered.into_iter().map(BackendName));
        Ok(names)
    }

    /// Forgets names without a record. One that was registered again since keeps its entry in the index.
    async fn drop_missing(&self, missing: &[BackendName]) -> Result<()> {
        self.discovery.lock().remove(missing);
        if missing.is_empty() {
            return Ok(());
        }
        let names = || missing.iter().map(BackendName::as_str);
        let mut pipe = redis::pipe();
        pipe.srem(keys::REGISTERED, names().collect::<Vec<_>>()).ignore();
        for name in names() {
            pipe.exists(keys::backend(&BackendName::from(name)));
        }
        let exists: Vec<bool> = self.connection.query(keys::REGISTERED, &pipe).await?;
        let registered: Vec<&str> = names().zip(exists).filter_map(|(name, is)| is.then_some(name)).collect();
        if registered.is_empty() {
            return Ok(());
        }
        let mut restore = redis::pipe();
        self.connection.query(keys::REGISTERED, restore.sadd(keys::REGISTERED, registered).ignore()).await
    }
}

fn registration_fields(registration: &BackendRegistration) -> Vec<(&'static str, String)> {
    let number = |field, value: Option<u64>| value.map(|value| (field, value.to_string()));
    let text = |field, value: &Option<String>| value.clone().map(|value| (field, value));
    let all = [
        number("session_timeout", registration.session_timeout),
        text("location", &registration.location),
        text("isp", &registration.isp),
        number("session_num", registration.session_num),
        number("handle_num", registration.handle_num),
        number("expire", registration.expire),
        registration.start_time.map(|time| ("start_time", format!("{time:?}"))),
    ];
    all.into_iter().flatten().collect()
}

/// Returns `None` for a record that has expired, or that a connector of ours announces.
pub(super) fn parse_discovered(
    name: &BackendName,
    fields: RecordFields,
    (seconds, micros): RedisTime,
) -> Result<Option<DiscoveredBackend>> {
    let incomplete = || malformed(&keys::backend(name), &"a field is missing or no number");
    let (found, ours_until) = read_discovered(name, fields).ok_or_else(incomplete)?;
    let now = seconds as f64 + micros as f64 / 1e6;
    let expired = found.expire != 0 && now - found.utime >= found.expire as f64;
    Ok((!expired && ours_until <= seconds * 1_000 + micros / 1_000).then_some(found))
}

/// Returns the record, and until when a connector of ours announces it, in unix milliseconds.
fn read_discovered(name: &BackendName, mut fields: RecordFields) -> Option<(DiscoveredBackend, u64)> {
    fields.resize(RECORD_FIELDS.len(), None);
    let mut fields = RECORD_FIELDS.iter().zip(fields);
    let mut next = || fields.next().and_then(|(_, value)| value);
    let integer = |text: Option<String>, or: u64| text.map_or(Some(or), |text| text.parse().ok());
    let time = |text: Option<String>| text.map_or(Some(0.0), |text| text.parse::<f64>().ok());
    let found = DiscoveredBackend {
        name: name.clone(),
        url: next()?,
        status: BackendStatus::from_number(next()?.parse().ok()?),
        session_timeout: integer(next(), 0)?,
        location: next().unwrap_or_default(),
        isp: next().unwrap_or_default(),
        session_num: integer(next(), 0)?,
        handle_num: integer(next(), 0)?,
        expire: integer(next(), REGISTRATION_TTL_SECONDS)?,
        start_time: time(next())?,
        utime: time(next())?,
        ctime: time(next())?,
    };
    Some((found, integer(next(), 0)?))
}
