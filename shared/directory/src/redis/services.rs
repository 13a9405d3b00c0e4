//! The running services, and the leases that they hold.
//!
//! The token of a lease is the last one plus one, or Redis' clock in microseconds if that is larger. So it is
//! larger than earlier tokens even after Redis has lost them. It stays below 2^53, exact in Lua, for two hundred
//! years.

use super::connection::{ACQUIRE_LEASE, DELETE_IF, SET_TIMESTAMP, UNEXPIRED_MEMBERS};
use super::{RedisDirectory, keys, malformed, parse, ttl_millis};
use crate::listing::Service;
use crate::record::FencingToken;
use crate::{MAX_SERVICES, Result};
use common::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn announce_service(&self, service: &Service, ttl: Duration) -> Result<()> {
        let (key, ttl) = (keys::service(&service.id), ttl_millis(ttl));
        let record = serde_json::to_string(service).map_err(|why| malformed(&key, &why))?;
        let mut set_timestamp = SET_TIMESTAMP.key(keys::SERVICES);
        set_timestamp.arg(service.id.as_str()).arg(ttl);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&set_timestamp).ignore().pset_ex(&key, record, ttl).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn deregister_service(&self, service: &ServiceId) -> Result<()> {
        let key = keys::service(service);
        let mut pipe = redis::pipe();
        pipe.del(&key).ignore().zrem(keys::SERVICES, service.as_str()).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn services(&self) -> Result<Vec<Service>> {
        let unexpired = UNEXPIRED_MEMBERS.key(keys::SERVICES);
        let (mut ids,): (Vec<String>,) =
            self.connection.query(keys::SERVICES, redis::pipe().invoke_script(&unexpired)).await?;
        ids.sort();
        ids.truncate(MAX_SERVICES);
        let mut pipe = redis::pipe();
        for id in &ids {
            pipe.get(keys::service(&ServiceId::from(id.as_str())));
        }
        let records: Vec<Result<Option<String>>> = self.query_each(keys::SERVICES, &mut pipe).await?;
        let parse = |(id, record): (String, Result<Option<String>>)| {
            let read = |text: String| serde_json::from_str(&text).map_err(|why| malformed(&id, &why));
            record.and_then(|record| record.map(read).transpose())
        };
        Ok(self.keep_readable("services", ids.into_iter().zip(records).map(parse)))
    }
}

impl RedisDirectory {
    pub(crate) async fn acquire_lease(
        &self,
        name: &str,
        holder: &ServiceId,
        ttl: Duration,
    ) -> Result<Option<FencingToken>> {
        let key = keys::lease(name);
        let mut acquire = ACQUIRE_LEASE.key(&[&key, &keys::fence(name)]);
        acquire.arg(holder.as_str()).arg(ttl_millis(ttl)).arg(keys::FENCE_TTL_SECONDS);
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
        // A malformed lease has no holder that could be named.
        let holders: Vec<Result<Option<String>>> = self.query_each("sb:lease", &mut pipe).await?;
        Ok(holders.into_iter().map(|holder| holder.ok().flatten().map(ServiceId)).collect())
    }
}
