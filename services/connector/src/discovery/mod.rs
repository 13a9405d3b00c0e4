//! Finds the Janus servers to serve: those named with `--backend`, every address of a host name, and
//! those that others have registered in the directory.

mod records;
mod servers;

use crate::janus::endpoint::Dialler;
use crate::lease::acquire::LeaseAcquirer;
use crate::options::{BackendSettings, Options, Server, Source};
use common::{BackendName, ErrorLog, warn_failure};
use records::follow_directory;
use servers::{ConfiguredBackends, FollowedServers, LOOKUP_INTERVAL};
use service::{CancellationToken, Context};
use std::collections::BTreeSet;
use tokio_util::task::TaskTracker;

static RESOLVING: ErrorLog = ErrorLog::new("resolving the host name of the media servers");

/// Serves the servers of all sources until the connector stops.
pub async fn serve(options: &Options, context: Context, dialler: Dialler) {
    let acquirer = LeaseAcquirer::new(context.clone(), dialler);
    let (configured, served) = (ConfiguredBackends::default(), TaskTracker::new());
    for source in options.backends.clone() {
        let (acquirer, stop) = (acquirer.clone(), context.shutdown.clone());
        match source {
            Source::Server(server) => {
                configured.add(&server);
                let settings = options.backend_settings(server.name.as_str());
                served.spawn(acquirer.serve_when_leased(server, settings, stop));
            }
            Source::Dns { host, port } => {
                let settings = options.backend_settings(&host);
                served.spawn(follow_host((host, port), settings, acquirer, configured.clone(), stop));
            }
        }
    }
    if !options.ignore_discovered_backends {
        served.spawn(follow_directory(options.clone(), configured, acquirer.clone(), context));
    }
    served.close();
    served.wait().await;
    acquirer.flush_outbox().await;
}

/// Serves the servers at all addresses of a host name, until shutdown. While the name cannot be resolved,
/// nothing changes.
async fn follow_host(
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
            Ok(servers) => {
                RESOLVING.succeeded();
                servers
            }
            Err(error) => {
                warn_failure!(RESOLVING, %error, %host, "failed to resolve the host name of the media servers, retrying");
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
        // A name has no colon: keys and labels use it as a separator.
        name: BackendName(format!("{host}-{}-{port}", address.ip().to_string().replace(':', "."))),
        url: format!("ws://{address}"),
        is_discovered: false,
    };
    Ok(addresses.map(server).collect())
}
