//! Runs all services in this process, on a bus and a directory in memory. Registrations and calls are lost
//! when it ends.

use crate::error::Error;
use crate::options::StandaloneArgs;
use crate::process::{Process, listen, listen_for_http};
use bus::Bus;
use common::ServiceId;
use directory::Directory;
use service::Context;
use service::registration::run_registered;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Services = JoinSet<Result<(), Error>>;

/// Runs the four services until a signal, or until one of them fails.
pub async fn run(mut args: StandaloneArgs, process: &Process) -> Result<(), Error> {
    if args.connector.0.backends.is_empty() {
        return Err(connector::Error::NoBackend.into());
    }
    let clients = listen("--listen", &args.listen).await?;
    args.rest.0 = args.rest.0.with_secret().map_err(rest::Error::from)?;
    let http = listen_for_http("--rest-listen", &args.rest_listen, &args.rest.0).await?;
    let context = process.context("standalone", Bus::memory(), Directory::memory(), false);
    // Standard output may be closed; the services run all the same.
    let _ = print_addresses(&clients, &http);
    wait_for_all(start(args, clients, http, &context), &context).await
}

fn start(args: StandaloneArgs, clients: TcpListener, http: TcpListener, context: &Context) -> Services {
    let context_of = |kind| Context {
        id: ServiceId::fresh(kind),
        health: context.health.with_own_load(),
        ..context.clone()
    };
    let StandaloneArgs { connector, edge, router, mut rest, .. } = args;
    let client_port = clients.local_addr().ok().map(|address| address.port());
    rest.0.websocket_port = rest.0.websocket_port.or(client_port);
    let kinds = ["connector", "router", "edge", "rest"];
    let [for_connector, for_router, for_edge, for_rest] = kinds.map(context_of);
    let mut services = Services::new();
    services.spawn(async {
        Ok(run_registered("connector", for_connector, |it| connector::run(connector.0, it)).await?)
    });
    services.spawn(async { Ok(run_registered("router", for_router, |it| router::run(router.0, it)).await?) });
    services
        .spawn(async { Ok(run_registered("edge", for_edge, |it| edge::run(edge.0, clients, it)).await?) });
    services.spawn(async { Ok(run_registered("rest", for_rest, |it| rest::run(rest.0, http, it)).await?) });
    services
}

/// Waits for all services. When one ends early, the others are stopped, and its error is the outcome.
async fn wait_for_all(mut services: Services, context: &Context) -> Result<(), Error> {
    let mut outcome = Ok(());
    while let Some(joined) = services.join_next().await {
        let mut ended = joined.unwrap_or_else(|panic| Err(Error::Panicked(panic)));
        if !context.shutdown.is_cancelled() {
            ended = ended.and(Err(Error::EndedEarly));
        }
        if let Err(error) = &ended {
            tracing::error!(%error, "a service failed, stopping the others");
        }
        context.shutdown.cancel();
        outcome = outcome.and(ended);
    }
    outcome
}

fn print_addresses(clients: &TcpListener, http: &TcpListener) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Switchboard is running, with all services in this process.")?;
    writeln!(out, "  Demo page   http://{}/", reachable(http.local_addr()?))?;
    writeln!(out, "  Websocket   ws://{}/   (subprotocol janus-protocol)", reachable(clients.local_addr()?))?;
    out.flush()
}

/// Returns an address that a browser on this machine can open: 0.0.0.0 and `[::]` stand for all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
