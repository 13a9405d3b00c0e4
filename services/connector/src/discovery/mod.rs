//! Finds the Janus servers to serve: those named with `--backend`, every address of a host name, and
//! those that others have registered in the directory.

mod dns;
mod records;
mod servers;

use crate::janus::endpoint::Dialler;
use crate::lease::acquire::LeaseAcquirer;
use crate::options::{Options, Source};
use records::follow_directory;
use servers::ConfiguredBackends;
use service::Context;
use tokio_util::task::TaskTracker;

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
                served.spawn(dns::follow((host, port), settings, acquirer, configured.clone(), stop));
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
