//! Backends, in janus-cloud's hashes. [`keys::BACKENDS`] says which there are, so that nobody
//! needs `KEYS`, which stalls Redis for as long as all its keys are many.

use super::scripts::{ANNOUNCE, STAMP, UNEXPIRED};
use super::sessions::milliseconds;
use super::{RedisDirectory, keys, parsed};
use crate::Result;
use crate::record::{Backend, BackendStatus};
use protocol::BackendName;
use std::time::Duration;

const FIELDS: &[&str] = &["url", "status", "handle_num"];
type Fields = (Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn announce_backend(&self, backend: &Backend, life: Duration) -> Result<()> {
        let (key, life) = (keys::backend(&backend.name), milliseconds(life));
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
        let unexpired = UNEXPIRED.key(keys::BACKENDS);
        let (names,): (Vec<String>,) =
            self.link.ask(keys::BACKENDS, redis::pipe().invoke_script(&unexpired)).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut names: Vec<_> = names.into_iter().map(BackendName).collect();
        names.sort();
        let mut pipe = redis::pipe();
        for name in &names {
            pipe.hmget(keys::backend(name), FIELDS);
        }
        let records: Vec<Fields> = self.link.ask(keys::BACKENDS, &pipe).await?;
        names.into_iter().zip(records).filter_map(|(name, fields)| seen(name, fields).transpose()).collect()
    }

    pub(crate) async fn remove_backend(&self, name: &BackendName) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.del(keys::backend(name)).ignore().zrem(keys::BACKENDS, name.as_str()).ignore();
        self.link.ask(keys::BACKENDS, &pipe).await
    }
}

/// None when the record expired between the two round trips.
fn seen(name: BackendName, (url, status, handles): Fields) -> Result<Option<Backend>> {
    let key = keys::backend(&name);
    let (Some(url), Some(status), Some(handles)) = (url, status, handles) else { return Ok(None) };
    let status = BackendStatus::from_number(parsed(&key, &status)?);
    Ok(Some(Backend { handles: parsed(&key, &handles)?, name, url, status }))
}
