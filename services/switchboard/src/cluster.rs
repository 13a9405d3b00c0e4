//! The way to Redis. While it is away the process waits for it, says so on `/readyz`, and tries
//! again every second: in a cluster things start in any order.

use crate::error::Error;
use crate::process::Process;
use bus::Bus;
use directory::Directory;
use service::Context;
use service::options::RedisOptions;
use std::time::Duration;
use tokio::time::sleep;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What a service of the cluster runs with; `None` when the process is told to stop before.
pub async fn connect(kind: &str, redis: &RedisOptions, process: &Process) -> Result<Option<Context>, Error> {
    let ca = redis.check()?;
    let reached =
        process.shutdown.run_until_cancelled(connect_with_retries(redis, ca.as_deref(), process)).await;
    Ok(reached.map(|(bus, directory)| process.context(kind, bus, directory, true)))
}

async fn connect_with_retries(
    redis: &RedisOptions,
    ca: Option<&[u8]>,
    process: &Process,
) -> (Bus, Directory) {
    loop {
        match try_connect(redis.redis.as_str(), ca).await {
            Ok(both) => return both,
            Err(why) => {
                tracing::warn!(redis = %redis.redis, "waiting for Redis: {why}");
                process.health.set_unready("bus", &why);
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
