//! Connects a service to Redis. While Redis is unavailable, the process is not ready and retries every
//! second: the parts of a cluster may start in any order.

use crate::error::Error;
use crate::process::Process;
use bus::Bus;
use directory::Directory;
use service::Context;
use service::options::RedisOptions;
use std::time::Duration;
use tokio::time::sleep;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Returns the context of a service, or `None` when the process is stopped before Redis is available.
pub async fn connect(kind: &str, redis: &RedisOptions, process: &Process) -> Result<Option<Context>, Error> {
    let ca = redis.check()?;
    let connecting = connect_with_retries(redis, ca.as_deref(), process);
    let connected = process.shutdown.run_until_cancelled(connecting).await;
    Ok(connected.map(|(bus, directory)| process.context(kind, bus, directory, true)))
}

async fn connect_with_retries(
    redis: &RedisOptions,
    ca: Option<&[u8]>,
    process: &Process,
) -> (Bus, Directory) {
    loop {
        match try_connect(redis.redis.as_str(), ca).await {
            Ok(connected) => return connected,
            Err(error) => {
                tracing::warn!(redis = %redis.redis, error, "failed to connect to Redis, retrying");
                process.health.set_unready("bus", &error);
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

async fn try_connect(url: &str, ca: Option<&[u8]>) -> Result<(Bus, Directory), String> {
    let bus = Bus::redis_with_ca(url, ca).await.map_err(|error| error.to_string())?;
    let directory = Directory::redis_with_ca(url, ca).await.map_err(|error| error.to_string())?;
    Ok((bus, directory))
}
