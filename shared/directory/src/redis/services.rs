//! The services that run, and who has leases.

use super::scripts::{STAMP, UNEXPIRED};
use super::{RedisDirectory, clock, keys, malformed};
use crate::listing::Service;
use crate::{MAX_SERVICES, Result};
use common::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn announce_service(&self, service: &Service, life: Duration) -> Result<()> {
        let (key, life) = (keys::service(&service.id), clock::ttl_millis(life));
        let record = serde_json::to_string(service).map_err(|why| malformed(&key, &why))?;
        let mut stamp = STAMP.key(keys::SERVICES);
        stamp.arg(service.id.as_str()).arg(life);
        let mut pipe = redis::pipe();
        pipe.invoke_script(&stamp).ignore().pset_ex(&key, record, life).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn deregister_service(&self, service: &ServiceId) -> Result<()> {
        let key = keys::service(service);
        let mut pipe = redis::pipe();
        pipe.del(&key).ignore().zrem(keys::SERVICES, service.as_str()).ignore();
        self.connection.query(&key, &pipe).await
    }

    pub(crate) async fn services(&self) -> Result<Vec<Service>> {
        let look = UNEXPIRED.key(keys::SERVICES);
        let (mut ids,): (Vec<String>,) =
            self.connection.query(keys::SERVICES, redis::pipe().invoke_script(&look)).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        ids.sort();
        ids.truncate(MAX_SERVICES);
        let mut pipe = redis::pipe();
        ids.iter().for_each(|id| {
            pipe.get(keys::service(&ServiceId::from(id.as_str())));
        });
        let records: Vec<Option<String>> = self.connection.query(keys::SERVICES, &pipe).await?;
        let read = |text: String| serde_json::from_str(&text).map_err(|why| malformed(keys::SERVICES, &why));
        records.into_iter().flatten().map(read).collect()
    }

    pub(crate) async fn lease_holders(&self, leases: &[String]) -> Result<Vec<Option<ServiceId>>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        leases.iter().for_each(|lease| {
            pipe.hget(keys::lease(lease), "holder");
        });
        let holders: Vec<Option<String>> = self.connection.query("sb:lease", &pipe).await?;
        Ok(holders.into_iter().map(|holder| holder.map(ServiceId)).collect())
    }
}
