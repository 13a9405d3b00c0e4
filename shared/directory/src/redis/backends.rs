//! Backends, in janus-cloud's hashes, and what is known of them besides. [`keys::BACKENDS`] says which there are, so that nobody
//! needs `KEYS`, which stalls Redis for as long as all its keys are many.

use super::scripts::{ANNOUNCE, NOTE, STAMP, UNEXPIRED};
use super::{RedisDirectory, clock, keys, parsed};
use crate::record::{Backend, BackendStatus, Token};
use crate::{NOTE_LIFE, Result};
use protocol::BackendName;
use std::collections::BTreeSet;
use std::time::Duration;

const FIELDS: &[&str] = &["url", "status", "handle_num"];
type Fields = (Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn announce_backend(&self, backend: &Backend, life: Duration) -> Result<()> {
        let (key, life) = (keys::backend(&backend.name), clock::life(life));
        let mut announce = ANNOUNCE.key(&key);
        announce
            .arg(backend.name.as_str())
            .arg(&backend.url)
            .arg(backend.status.number())
            .arg(backend.handles)
            .arg(life);
        let mut stamp = STAMP.key(keys::BACKENDS);
        stamp.arg(backend.name.as_str()).arg(life);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&announce).ignore().invoke_script(&stamp).ignore();
        self.link.ask(&key, &pipe).await
    }

    pub(crate) async fn backends(&self) -> Result<Vec<Backend>> {
        let mut pipe = redis::pipe();
        pipe.invoke_script(&UNEXPIRED.key(keys::BACKENDS)).smembers(keys::DRAINED);
        let (names, drained): (BTreeSet<String>, BTreeSet<String>) =
            self.link.ask(keys::BACKENDS, &pipe).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = names.into_iter().map(BackendName).collect();
        let mut pipe = redis::pipe();
        for name in &names {
            pipe.hmget(keys::backend(name), FIELDS);
        }
        let records: Vec<Fields> = self.link.ask(keys::BACKENDS, &pipe).await?;
        let mut backends = Vec::new();
        for (name, fields) in names.into_iter().zip(records) {
            let drained = drained.contains(name.as_str());
            backends.extend(read(name, fields)?.map(|backend| backend.seen(drained)));
        }
        Ok(backends)
    }

    pub(crate) async fn remove_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.del(keys::backend(name)).ignore().zrem(keys::BACKENDS, name.as_str()).ignore();
        self.link.ask(keys::BACKENDS, &pipe).await
    }

    pub(crate) async fn drain_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.sadd(keys::DRAINED, name.as_str()).ignore();
        self.link.ask(keys::DRAINED, &pipe).await
    }

    pub(crate) async fn undrain_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.srem(keys::DRAINED, name.as_str()).ignore();
        self.link.ask(keys::DRAINED, &pipe).await
    }

    pub(crate) async fn drained_backends(&self) -> Result<Vec<BackendName>> {
        let (names,): (BTreeSet<String>,) =
            self.link.ask(keys::DRAINED, redis::pipe().smembers(keys::DRAINED)).await?;
        Ok(names.into_iter().map(BackendName).collect())
    }

    pub(crate) async fn note_backend(&self, name: &BackendName, token: Token, text: &str) -> Result<bool> {
        let key = keys::note(name);
        let mut note = NOTE.key(&key);
        note.arg(token.0).arg(text).arg(clock::life(NOTE_LIFE));
        let (noted,) = self.link.ask(&key, redis::pipe().invoke_script(&note)).await?;
        Ok(noted)
    }

    pub(crate) async fn backend_note(&self, name: &BackendName) -> Result<Option<String>> {
        let key = keys::note(name);
        let (note,) = self.link.ask(&key, redis::pipe().hget(&key, "note")).await?;
        Ok(note)
    }
}

/// None when the record expired between the two round trips.
fn read(name: BackendName, (url, status, handles): Fields) -> Result<Option<Backend>> {
    let key = keys::backend(&name);
    let (Some(url), Some(status), Some(handles)) = (url, status, handles) else { return Ok(None) };
    let status = BackendStatus::from_number(parsed(&key, &status)?);
    Ok(Some(Backend { handles: parsed(&key, &handles)?, name, url, status }))
}
