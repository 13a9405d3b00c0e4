//! Leases. A token is the larger of the last one plus one and Redis' clock in microseconds, so it is larger
//! than earlier ones even after Redis has lost them. It stays below 2^53, exact in Lua, for two hundred
//! years.

use super::scripts::{ACQUIRE_LEASE, DELETE_IF};
use super::store::{RedisDirectory, parse};
use super::{clock, keys};
use crate::Result;
use crate::record::FencingToken;
use common::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn acquire_lease(
        &self,
        name: &str,
        holder: &ServiceId,
        ttl: Duration,
    ) -> Result<Option<FencingToken>> {
        let key = keys::lease(name);
        let mut acquire = ACQUIRE_LEASE.key(&[&key, &keys::fence(name)]);
        acquire.arg(holder.as_str()).arg(clock::ttl_millis(ttl)).arg(keys::FENCE_TTL_SECONDS);
        let (token,): (Option<String>,) =
            self.connection.query(&key, redis::pipe().invoke_script(&acquire)).await?;
        token.map(|token| parse(&key, &token).map(FencingToken)).transpose()
    }

    pub(crate) async fn release_lease(&self, name: &str, holder: &ServiceId) -> Result<()> {
        let key = keys::lease(name);
        let mut release = DELETE_IF.key(&key);
        release.arg("holder").arg(holder.as_str());
        self.connection.query(&key, redis::pipe().invoke_script(&release).ignore()).await
    }

    pub(crate) async fn lease_holders(&self, names: &[String]) -> Result<Vec<Option<ServiceId>>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for name in names {
            pipe.hget(keys::lease(name), "holder");
        }
        let holders: Vec<Option<String>> = self.connection.query("sb:lease", &pipe).await?;
        Ok(holders.into_iter().map(|holder| holder.map(ServiceId)).collect())
    }
}
