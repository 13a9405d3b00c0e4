//! Which Janus servers there are: those named by the operator, every address of a host name, looked up
//! again every few seconds, and those that others have written down ([`found`]).

use crate::found::{self, ConfiguredBackends};
use crate::janus::site::Dialler;
use crate::keeper::LeaseAcquirer;
use crate::options::{BackendSettings, Options, Server, Source};
use common::BackendName;
use service::{CancellationToken, Context};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::task::TaskTracker;

const LOOKUP_INTERVAL: Duration = Duration::from_secs(3);
/// An address must be missing so often in a row before its server is let go.
const MAX_MISSES: u32 = 3;

/// Serves the servers of all sources until the connector stops.
pub async fn serve(options: &Options, context: Context, dialler: Dialler) {
    let keeper = LeaseAcquirer::new(context.clone(), dialler);
    let (own, served) = (ConfiguredBackends::default(), TaskTracker::new());
    for source in options.backends.clone() {
        match source {
            Source::Server(server) => {
                own.add(&server);
                let terms = options.backend_settings(server.name.as_str());
                served.spawn(keeper.clone().serve_when_leased(server, terms, context.shutdown.clone()));
            }
            Source::Dns { host, port } => {
                let terms = options.backend_settings(&host);
                let (keeper, stop) = (keeper.clone(), context.shutdown.clone());
                served.spawn(follow_dns((host, port), terms, keeper, own.clone(), stop));
            }
        }
    }
    if !options.ignore_discovered_backends {
        served.spawn(found::follow_directory(options.clone(), own, keeper.clone(), context));
    }
    served.close();
    served.wait().await;
    keeper.flush_outbox().await;
}

/// Serves every address of a host name, as they come and go.
async fn follow_dns(
    (host, port): (String, u16),
    terms: BackendSettings,
    keeper: LeaseAcquirer,
    own: ConfiguredBackends,
    shutdown: CancellationToken,
) {
    let mut followed: BTreeMap<Server, (CancellationToken, u32)> = BTreeMap::new();
    let served = TaskTracker::new();
    let mut ticks = tokio::time::interval(LOOKUP_INTERVAL);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        match look_up(&host, port).await {
            Err(error) => tracing::warn!(%error, %host, "the name of the media servers cannot be looked up"),
            Ok(servers) => {
                for (server, (_, misses)) in &mut followed {
                    *misses = if servers.contains(server) { 0 } else { *misses + 1 };
                }
                for server in servers {
                    followed.entry(server.clone()).or_insert_with(|| {
                        own.add(&server);
                        let stop = shutdown.child_token();
                        served.spawn(keeper.clone().serve_when_leased(server, terms.clone(), stop.clone()));
                        (stop, 0)
                    });
                }
                followed.retain(|server, (stop, misses)| {
                    let stays = *misses < MAX_MISSES;
                    if !stays {
                        own.remove(server);
                        stop.cancel();
                    }
                    stays
                });
            }
        }
    }
    served.close();
    served.wait().await;
}

async fn look_up(host: &str, port: u16) -> std::io::Result<Vec<Server>> {
    let addresses = tokio::net::lookup_host((host, port)).await?;
    let mut servers: Vec<Server> = addresses
        .map(|address| Server {
            name: BackendName(format!("{host}-{}-{port}", address.ip())),
            url: format!("ws://{address}"),
            is_discovered: false,
        })
        .collect();
    servers.sort();
    servers.dedup();
    Ok(servers)
}
