//! Leases. A token is the larger of the last one plus one and Redis' clock in microseconds, so it
//! outgrows earlier ones even when Redis has lost them. (It stays below 2^53, exact in Lua, for
//! two hundred years.)

use super::scripts::{DELETE_IF, LEASE};
use super::{RedisDirectory, clock, keys, parse};
use crate::Result;
use crate::record::FencingToken;
use common::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn acquire_lease(
        &self,
        what: &str,
        holder: &ServiceId,
        life: Duration,
    ) -> Result<Option<FencingToken>> {
        let key = keys::lease(what);
        let mut lease = LEASE.key(&[&key, &keys::fence(what)]);
        lease.arg(holder.as_str()).arg(clock::ttl_millis(life)).arg(keys::FENCE_TTL_SECONDS);
        let (token,): (Option<String>,) =
            self.connection.query(&key, redis::pipe().invoke_script(&lease)).await?;
        token.map(|token| parse(&key, &token).map(FencingToken)).transpose()
    }

    pub(crate) async fn release_lease(&self, what: &str, holder: &ServiceId) -> Result<()> {
        let key = keys::lease(what);
        let mut release = DELETE_IF.key(&key);
        release.arg("holder").arg(holder.as_str());
        self.connection.query(&key, redis::pipe().invoke_script(&release).ignore()).await
    }
}
