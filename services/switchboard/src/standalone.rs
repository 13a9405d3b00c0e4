//! All services in this process, on a bus and a directory in its memory: what is registered and
//! which calls run is gone when it ends.

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
pub async fn run(mut options: StandaloneArgs, process: &Process) -> Result<(), Error> {
    if options.connector.0.backends.is_empty() {
        return Err(connector::Error::NoBackend.into());
    }
    let clients = listen("--listen", &options.listen).await?;
    options.rest.0 = options.rest.0.with_secret().map_err(rest::Error::from)?;
    let http = listen_for_http("--rest-listen", &options.rest_listen, &options.rest.0).await?;
    let context = process.context("standalone", Bus::memory(), Directory::memory(), false);
    // Where nobody reads it, the services run all the same.
    let _ = print_addresses(&clients, &http);
    wait_for_all(start(options, clients, http, &context), &context).await
}

fn start(options: StandaloneArgs, clients: TcpListener, http: TcpListener, context: &Context) -> Services {
    let of = |kind| Context {
        id: ServiceId::fresh(kind),
        health: context.health.with_own_load(),
        ..context.clone()
    };
    let (edge, router, connector, rest) = (of("edge"), of("router"), of("connector"), of("rest"));
    let mut page = options.rest.0;
    page.websocket_port = page.websocket_port.or_else(|| clients.local_addr().ok().map(|it| it.port()));
    let mut services = Services::new();
    services.spawn(async move {
        Ok(run_registered("connector", connector, |it| connector::run(options.connector.0, it)).await?)
    });
    services.spawn(async move {
        Ok(run_registered("router", router, |it| router::run(options.router.0, it)).await?)
    });
    services.spawn(async move {
        Ok(run_registered("edge", edge, |it| edge::run(options.edge.0, clients, it)).await?)
    });
    services.spawn(async move { Ok(run_registered("rest", rest, |it| rest::run(page, http, it)).await?) });
    services
}

/// Waits for all services. When one ends early, the others are told to end too, and its error is
/// the outcome.
async fn wait_for_all(mut services: Services, context: &Context) -> Result<(), Error> {
    let mut outcome = Ok(());
    while let Some(ended) = services.join_next().await {
        let early = !context.shutdown.is_cancelled();
        let ended = ended.unwrap_or_else(|panic| Err(Error::Panicked(panic)));
        let ended = if early { ended.and(Err(Error::EndedEarly)) } else { ended };
        if let Err(error) = &ended {
            tracing::error!(%error, "a service failed; the others stop too");
        }
        context.shutdown.cancel();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Tells whoever started it where everything is.
fn print_addresses(clients: &TcpListener, http: &TcpListener) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Switchboard runs, all in this process.")?;
    writeln!(out, "  Demo page   http://{}/", reachable(http.local_addr()?))?;
    writeln!(out, "  Websocket   ws://{}/   (subprotocol janus-protocol)", reachable(clients.local_addr()?))?;
    out.flush()
}

/// An address a browser on this machine can open: 0.0.0.0 and `[::]` stand for all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        false => address,
    }
}
