//! The list of registered names.
//!
//! Names of this cluster are in an index, so a list reads no other keys. Names that janus-cloud's proxies wrote have
//! no index: each list continues a scan of all keys ([`ForeignScan`](super::foreign_scan::ForeignScan)) for some steps.

use super::listing::SCAN_COUNT;
use super::names::is_foreign;
use super::{RedisDirectory, keys};
use crate::Result;
use crate::record::NameList;
use redis::Pipeline;

/// The reply to `SCAN` and `SSCAN`.
type Step = (u64, Vec<Vec<u8>>);

impl RedisDirectory {
    pub(crate) async fn usernames(&self) -> Result<Vec<String>> {
        let mut list = NameList::default();
        let mut stale = Vec::new();
        let mut cursors = vec![Some(0); usize::from(keys::NAME_SHARDS)];
        while !list.is_full() && cursors.iter().any(Option::is_some) {
            let found = self.scan_index(&mut cursors).await?;
            let registered = self.are_registered(&found).await?;
            for (name, is_registered) in found.into_iter().zip(registered) {
                if is_registered {
                    list.push(name);
                } else {
                    stale.push(name);
                }
            }
        }
        self.remove_stale(&stale).await?;
        if !list.is_full() {
            self.foreign_names().await?.into_iter().for_each(|name| list.push(name));
        }
        Ok(list.into_names())
    }

    /// Takes a step in each part of the index that is not read to its end.
    async fn scan_index(&self, cursors: &mut [Option<u64>]) -> Result<Vec<String>> {
        let count = SCAN_COUNT / cursors.len();
        let mut pipe = redis::pipe();
        for (shard, cursor) in (0..keys::NAME_SHARDS).zip(cursors.iter()) {
            if let Some(cursor) = cursor {
                pipe.cmd("SSCAN").arg(keys::names(shard)).arg(cursor).arg("COUNT").arg(count);
            }
        }
        let steps: Vec<Step> = self.connection.query(keys::NAMES_PREFIX, &pipe).await?;
        let mut found = Vec::new();
        for (cursor, (next, names)) in cursors.iter_mut().filter(|cursor| cursor.is_some()).zip(steps) {
            *cursor = (next != 0).then_some(next);
            found.extend(names.into_iter().filter_map(|name| String::from_utf8(name).ok()));
        }
        Ok(found)
    }

    async fn are_registered(&self, names: &[String]) -> Result<Vec<bool>> {
        self.query_for_each(names, |pipe, name| {
            pipe.exists(keys::user(name));
        })
        .await
    }

    /// Removes names without a record from the index. A name that was registered meanwhile is added again.
    async fn remove_stale(&self, names: &[String]) -> Result<()> {
        let removed = self.query_for_each(names, |pipe, name| {
            pipe.srem(keys::names(keys::name_shard(name)), name).ignore();
            pipe.exists(keys::user(name));
        });
        let is_back: Vec<bool> = removed.await?;
        let back = names.iter().zip(is_back).filter(|(_, is_back)| *is_back);
        let back: Vec<&String> = back.map(|(name, _)| name).collect();
        let added = self.query_for_each(&back, |pipe, name| {
            pipe.sadd(keys::names(keys::name_shard(name)), name);
        });
        added.await.map(|_: Vec<u64>| ())
    }

    /// Returns the foreign names that were found so far and still are foreign.
    async fn foreign_names(&self) -> Result<Vec<String>> {
        let mut scan = std::mem::take(&mut *self.foreign_scan.lock());
        for _ in 0..scan.steps() {
            let mut step = redis::pipe();
            step.cmd("SCAN").arg(scan.cursor).arg("MATCH").arg(keys::JANUS_CLOUD_PATTERN);
            step.arg("COUNT").arg(SCAN_COUNT);
            let ((next, found),): (Step,) = self.connection.query(keys::USER_PREFIX, &step).await?;
            scan.add(&found);
            scan.cursor = next;
            if next == 0 {
                break;
            }
        }
        let names: Vec<String> = scan.names.iter().cloned().collect();
        let mut read = redis::pipe();
        for name in &names {
            read.hget(keys::user(name), "proxy_uuid");
        }
        let proxies: Vec<Result<Option<String>>> = self.query_each(keys::USER_PREFIX, &mut read).await?;
        let foreign = names
            .into_iter()
            .zip(proxies)
            .filter(|(_, proxy)| matches!(proxy, Ok(Some(proxy)) if is_foreign(proxy)));
        scan.names = foreign.map(|(name, _)| name).collect();
        let all_foreign = scan.names.iter().cloned().collect();
        *self.foreign_scan.lock() = scan;
        Ok(all_foreign)
    }

    /// Sends commands for each name in one round trip.
    async fn query_for_each<N, T: redis::FromRedisValue + Send>(
        &self,
        names: &[N],
        mut command: impl FnMut(&mut Pipeline, &N),
    ) -> Result<Vec<T>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        names.iter().for_each(|name| command(&mut pipe, name));
        self.connection.query(keys::USER_PREFIX, &pipe).await
    }
}
