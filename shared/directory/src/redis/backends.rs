//! Backends that our connectors announce, and the records of their connectors.
//!
//! The index [`keys::BACKENDS`] saves a scan of all keys. A connector that serves a discovered backend
//! ([`discovery`](super::discovery)) announces it under a key of its own and leaves the record alone.

use super::connection::{
    ANNOUNCE_BACKEND, ANNOUNCE_DISCOVERED, PUT_CONNECTOR_RECORD, REMOVE_BACKEND, SET_TIMESTAMP,
    UNEXPIRED_MEMBERS,
};
use super::discovery::{RECORD_FIELDS, RecordFields, parse_discovered};
use super::records::read_reply;
use super::{RedisDirectory, RedisTime, keys, malformed, parse, ttl_millis};
use crate::record::{Backend, BackendHealth, BackendStatus, DiscoveredBackend, FencingToken};
use crate::{CONNECTOR_RECORD_TTL, Result};
use common::BackendName;
use std::collections::BTreeSet;
use std::time::Duration;

const OWN_FIELDS: &[&str] =
    &["url", "status", "handle_num", "location", "isp", "sb_until", "sb_probe_ms", "sb_health"];
type OwnFields = (
    OptionalText,
    OptionalText,
    OptionalText,
    OptionalText,
    OptionalText,
    OptionalText,
    OptionalText,
    OptionalText,
);
const SERVED_FIELDS: &[&str] = &["url", "status", "handle_num", "probe_ms", "health"];
type ServedFields = (OptionalText, OptionalText, OptionalText, OptionalText, OptionalText);
type OptionalText = Option<String>;

impl RedisDirectory {
    pub(crate) async fn announce_backend(&self, backend: &Backend, ttl: Duration) -> Result<()> {
        let (key, ttl) = (keys::backend(&backend.name), ttl_millis(ttl));
        let mut announce = ANNOUNCE_BACKEND.key(&key);
        announce
            .arg(backend.name.as_str())
            .arg(&backend.url)
            .arg(backend.status.number())
            .arg(backend.handles)
            .arg(ttl)
            .arg(&backend.location)
            .arg(&backend.isp)
            .arg(format_probe(backend))
            .arg(backend.health.to_json());
        let mut set_timestamp = SET_TIMESTAMP.key(keys::BACKENDS);
        set_timestamp.arg(backend.name.as_str()).arg(ttl);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&announce).ignore().invoke_script(&set_timestamp).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn backends(&self) -> Result<Vec<Backend>> {
        let mut index = redis::pipe();
        index.invoke_script(&UNEXPIRED_MEMBERS.key(keys::BACKENDS)).smembers(keys::DRAINED);
        let (names, drained): (BTreeSet<String>, BTreeSet<String>) =
            self.connection.query(keys::BACKENDS, &index).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = names.into_iter().map(BackendName).collect();
        let mut pipe = redis::pipe();
        pipe.cmd("TIME");
        for name in &names {
            let key = keys::backend(name);
            pipe.hmget(&key, OWN_FIELDS).hmget(&key, RECORD_FIELDS).hmget(keys::served(name), SERVED_FIELDS);
        }
        let reply: Vec<redis::Value> = self.connection.query(keys::BACKENDS, pipe.ignore_errors()).await?;
        let (now, records) = reply.split_first().ok_or_else(|| malformed(keys::BACKENDS, &"empty reply"))?;
        let now: RedisTime = read_reply(keys::BACKENDS, now)??;
        let mut backends = Vec::new();
        for (name, fields) in names.into_iter().zip(records.chunks(3)) {
            let is_drained = drained.contains(name.as_str());
            let backend = parse_backend(&name, fields, now)?;
            backends.push(backend.map(|backend| backend.map(|backend| backend.with_drain(is_drained))));
        }
        Ok(self.keep_readable("backends", backends))
    }

    pub(crate) async fn announce_discovered(&self, backend: &Backend, ttl: Duration) -> Result<()> {
        let (key, ttl) = (keys::served(&backend.name), ttl_millis(ttl));
        let mut announce = ANNOUNCE_DISCOVERED.key(&key);
        announce
            .arg(&backend.url)
            .arg(backend.status.number())
            .arg(backend.handles)
            .arg(ttl)
            .arg(format_probe(backend))
            .arg(backend.health.to_json());
        let mut set_timestamp = SET_TIMESTAMP.key(keys::BACKENDS);
        set_timestamp.arg(backend.name.as_str()).arg(ttl);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&announce).ignore().invoke_script(&set_timestamp).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn remove_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.invoke_script(&REMOVE_BACKEND.key(keys::backend(name)))
            .ignore()
            .del(keys::served(name))
            .ignore();
        pipe.zrem(keys::BACKENDS, name.as_str()).ignore();
        self.connection.query(keys::BACKENDS, &pipe).await
    }

    pub(crate) async fn drain_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.sadd(keys::DRAINED, name.as_str()).ignore();
        self.connection.query(keys::DRAINED, &pipe).await
    }

    pub(crate) async fn undrain_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.srem(keys::DRAINED, name.as_str()).ignore();
        self.connection.query(keys::DRAINED, &pipe).await
    }

    pub(crate) async fn drained_backends(&self) -> Result<Vec<BackendName>> {
        let (names,): (BTreeSet<String>,) =
            self.connection.query(keys::DRAINED, redis::pipe().smembers(keys::DRAINED)).await?;
        Ok(names.into_iter().map(BackendName).collect())
    }

    pub(crate) async fn put_connector_record(
        &self,
        name: &BackendName,
        token: FencingToken,
        text: &str,
    ) -> Result<bool> {
        let key = keys::connector_record(name);
        let mut put = PUT_CONNECTOR_RECORD.key(&key);
        put.arg(token.0).arg(text).arg(ttl_millis(CONNECTOR_RECORD_TTL));
        let (stored,) = self.connection.query(&key, redis::pipe().invoke_script(&put)).await?;
        Ok(stored)
    }

    pub(crate) async fn connector_record(&self, name: &BackendName) -> Result<Option<String>> {
        let key = keys::connector_record(name);
        let (record,) = self.connection.query(&key, redis::pipe().hget(&key, "record")).await?;
        Ok(record)
    }
}

fn format_probe(backend: &Backend) -> String {
    backend.probe_ms.map(|millis| millis.to_string()).unwrap_or_default()
}

/// Returns `None` for a text that is no number: the value is only shown to operators.
fn parse_probe(probe: OptionalText) -> Option<u64> {
    probe?.parse().ok()
}

/// Parses the three replies for one backend: an outer error is about the server. Returns `None` when its announcement
/// expired between the two round trips.
pub(super) fn parse_backend(
    name: &BackendName,
    fields: &[redis::Value],
    now: RedisTime,
) -> Result<Result<Option<Backend>>> {
    let key = keys::backend(name);
    let [own, record, served] = fields else { return Ok(Err(malformed(&key, &"incomplete reply"))) };
    let own: Result<OwnFields> = read_reply(&key, own)?;
    let record: Result<RecordFields> = read_reply(&key, record)?;
    let served: Result<ServedFields> = read_reply(&keys::served(name), served)?;
    Ok(served.and_then(|served| match served {
        (Some(url), Some(status), Some(handles), probe, health) => {
            // The announcement of our connector counts, also beside a malformed record of others.
            let discovered = record.and_then(|record| parse_discovered(name, record, now)).ok().flatten();
            let backend = parse_served(name, (url, &status, &handles), discovered)?;
            let health = BackendHealth::from_json(health.as_deref());
            Ok(Some(Backend { probe_ms: parse_probe(probe), health, ..backend }))
        }
        _ => parse_own(name, own?),
    }))
}

fn parse_own(name: &BackendName, fields: OwnFields) -> Result<Option<Backend>> {
    let key = keys::backend(name);
    let (Some(url), Some(status), Some(handles), location, isp, Some(_), probe, health) = fields else {
        return Ok(None);
    };
    let status = BackendStatus::from_number(parse(&key, &status)?);
    let (location, isp) = (location.unwrap_or_default(), isp.unwrap_or_default());
    let (handles, probe_ms) = (parse(&key, &handles)?, parse_probe(probe));
    let health = BackendHealth::from_json(health.as_deref());
    Ok(Some(Backend { name: name.clone(), url, status, handles, location, isp, probe_ms, health }))
}

fn parse_served(
    name: &BackendName,
    (url, status, handles): (String, &str, &str),
    discovered: Option<DiscoveredBackend>,
) -> Result<Backend> {
    let key = keys::served(name);
    let status = BackendStatus::from_number(parse(&key, status)?);
    let announced = Backend {
        handles: parse(&key, handles)?,
        name: name.clone(),
        url,
        status,
        location: String::new(),
        isp: String::new(),
        probe_ms: None,
        health: BackendHealth::default(),
    };
    Ok(announced.merged_with_record(discovered))
}
