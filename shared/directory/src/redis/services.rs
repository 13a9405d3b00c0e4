//! The running services.

use super::scripts::{SET_TIMESTAMP, UNEXPIRED_MEMBERS};
use super::store::{RedisDirectory, malformed};
use super::{clock, keys};
use crate::listing::Service;
use crate::{MAX_SERVICES, Result};
use common::ServiceId;
use std::time::Duration;

impl RedisDirectory {
    pub(crate) async fn announce_service(&self, service: &Service, ttl: Duration) -> Result<()> {
        let (key, ttl) = (keys::service(&service.id), clock::ttl_millis(ttl));
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
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        ids.sort();
        ids.truncate(MAX_SERVICES);
        let mut pipe = redis::pipe();
        for id in &ids {
            pipe.get(keys::service(&ServiceId::from(id.as_str())));
        }
        let records: Vec<Option<String>> = self.connection.query(keys::SERVICES, &pipe).await?;
        let parse = |text: String| serde_json::from_str(&text).map_err(|why| malformed(keys::SERVICES, &why));
        records.into_iter().flatten().map(parse).collect()
    }
}
