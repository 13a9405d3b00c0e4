//! Leases. A token is the larger of the last one plus one and Redis' clock in microseconds, so it
//! outgrows earlier ones even when Redis has lost them. (It stays below 2^53, exact in Lua, for
//! two hundred years.)

use super::scripts::{DELETE_IF, LEASE};
use super::{RedisDirectory, clock, keys, parsed};
use crate::Result;
use crate::record::Token;
use protocol::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn lease(
        &self,
        what: &str,
        holder: &ServiceId,
        life: Duration,
    ) -> Result<Option<Token>> {
        let key = keys::lease(what);
        let mut lease = LEASE.key(&[&key, &keys::fence(what)]);
        lease.arg(holder.as_str()).arg(clock::life(life)).arg(keys::FENCE_SECONDS);
        let (token,): (Option<String>,) = self.link.ask(&key, redis::pipe().invoke_script(&lease)).await?;
        token.map(|token| parsed(&key, &token).map(Token)).transpose()
    }

    pub(crate) async fn release_lease(&self, what: &str, holder: &ServiceId) -> Result<()> {
        let key = keys::lease(what);
        let mut release = DELETE_IF.key(&key);
        release.arg("holder").arg(holder.as_str());
        self.link.ask(&key, redis::pipe().invoke_script(&release).ignore()).await
    }
}
