//! The servers at every address of a host name, which is looked up every few seconds.

use super::servers::{ConfiguredBackends, FollowedServers, LOOKUP_INTERVAL};
use crate::lease::acquire::LeaseAcquirer;
use crate::options::{BackendSettings, Server};
use common::BackendName;
use service::CancellationToken;
use std::collections::BTreeSet;

/// Serves the servers at all addresses of a host name, until shutdown. While the name cannot be resolved,
/// nothing changes.
pub async fn follow(
    (host, port): (String, u16),
    settings: BackendSettings,
    acquirer: LeaseAcquirer,
    configured: ConfiguredBackends,
    shutdown: CancellationToken,
) {
    let mut followed = FollowedServers::new(acquirer, shutdown.clone());
    let mut ticks = tokio::time::interval(LOOKUP_INTERVAL);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let servers = match look_up(&host, port).await {
            Ok(servers) => servers,
            Err(error) => {
                tracing::warn!(%error, %host, "failed to resolve the host name of the media servers, retrying");
                continue;
            }
        };
        for server in &servers {
            if followed.found(server, || settings.clone()) {
                configured.add(server);
            }
        }
        for server in followed.remove_missing(&servers, |_| false) {
            configured.remove(&server);
        }
    }
    followed.wait().await;
}

async fn look_up(host: &str, port: u16) -> std::io::Result<BTreeSet<Server>> {
    let addresses = tokio::net::lookup_host((host, port)).await?;
    let server = |address: std::net::SocketAddr| Server {
        name: BackendName(format!("{host}-{}-{port}", address.ip())),
        url: format!("ws://{address}"),
        is_discovered: false,
    };
    Ok(addresses.map(server).collect())
}
