//! Runs a subcommand. A service listens, connects to Redis, and then runs until a signal.
//!
//! `standalone` runs all services in this process, on a bus and a directory in memory. Registrations and calls
//! are lost when it ends.

use crate::format::ignore_closed_pipe;
use crate::options::{
    Command, ConnectorArgs, EdgeArgs, RestArgs, RouterArgs, ServiceCommand, StandaloneArgs,
};
use crate::process::{Error, Process, connect, listen_for_clients, listen_for_http};
use crate::{calls, health, top, trace};
use bus::Bus;
use common::ServiceId;
use directory::Directory;
use load::Load;
use service::registration::run_registered;
use service::{Context, shutdown};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Services = JoinSet<Result<(), Error>>;

/// Runs a subcommand until it is done, fails, or receives a signal.
pub async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Service(service) => run_service(*service).await,
        Command::Calls(args) => Ok(calls::run(args).await?),
        Command::Health(args) => Ok(health::run(&args).await?),
        Command::Load(args) => run_load(&args).await,
        Command::Top(args) => Ok(top::run(args).await?),
        Command::Trace(args) => Ok(trace::run(args).await?),
    }
}

/// Prints the result also when a signal ends the load early. A closed output ends the load, and is no error.
async fn run_load(args: &Load) -> Result<(), Error> {
    let stop = shutdown::on_signal().map_err(Error::Signals)?;
    let out: load::Output = Arc::new(|line| {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.flush()
    });
    match load::run(args, &out, stop).await {
        Err(load::Error::Output(failed)) => {
            ignore_closed_pipe(Err(failed)).map_err(|error| load::Error::Output(error).into())
        }
        outcome => Ok(outcome?),
    }
}

/// Spawns a task, because tokio wakes the future of `block_on` through a system call.
async fn run_service(service: ServiceCommand) -> Result<(), Error> {
    let task = async move {
        let process = Process::start(service.process()).await?;
        let outcome = process.run(Box::pin(start(service, &process))).await;
        process.finish().await;
        outcome
    };
    tokio::spawn(task).await.unwrap_or_else(|panic| Err(Error::Panicked(panic)))
}

async fn start(service: ServiceCommand, process: &Process) -> Result<(), Error> {
    match service {
        ServiceCommand::Standalone(args) => standalone(*args, process).await,
        ServiceCommand::Edge(args) => edge(args, process).await,
        ServiceCommand::Router(args) => router(args, process).await,
        ServiceCommand::Connector(args) => connector(args, process).await,
        ServiceCommand::Rest(args) => rest(args, process).await,
    }
}

async fn edge(args: EdgeArgs, process: &Process) -> Result<(), Error> {
    let listener = listen_for_clients(&args.listen, &args.edge.0).await?;
    let Some(context) = connect("edge", &args.cluster.redis, process).await? else { return Ok(()) };
    Ok(run_registered("edge", context, |context| edge::run(args.edge.0, listener, context)).await?)
}

async fn router(args: RouterArgs, process: &Process) -> Result<(), Error> {
    let Some(context) = connect("router", &args.cluster.redis, process).await? else { return Ok(()) };
    Ok(run_registered("router", context, |context| router::run(args.router.0, context)).await?)
}

async fn connector(args: ConnectorArgs, process: &Process) -> Result<(), Error> {
    let Some(context) = connect("connector", &args.cluster.redis, process).await? else { return Ok(()) };
    Ok(run_registered("connector", context, |context| connector::run(args.connector.0, context)).await?)
}

async fn rest(args: RestArgs, process: &Process) -> Result<(), Error> {
    let options = args.rest.0.with_secrets().map_err(rest::Error::from)?;
    let listener = listen_for_http("--listen", &args.listen, &options).await?;
    let Some(context) = connect("rest", &args.cluster.redis, process).await? else { return Ok(()) };
    Ok(run_registered("rest", context, |context| rest::run(options, listener, context)).await?)
}

/// Runs the four services until a signal, or until one of them fails.
async fn standalone(mut args: StandaloneArgs, process: &Process) -> Result<(), Error> {
    if args.connector.0.backends.is_empty() {
        return Err(connector::Error::NoBackend.into());
    }
    let clients = listen_for_clients(&args.listen, &args.edge.0).await?;
    args.rest.0 = args.rest.0.with_secrets().map_err(rest::Error::from)?;
    let http = listen_for_http("--rest-listen", &args.rest_listen, &args.rest.0).await?;
    let context = process.context("standalone", Bus::memory(), Directory::memory(), false);
    print_addresses(&clients, &http);
    wait_for_all(start_all(args, clients, http, &context), process).await
}

fn start_all(args: StandaloneArgs, clients: TcpListener, http: TcpListener, context: &Context) -> Services {
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

/// Waits for all services. When one ends early, the others are stopped. The error of the first is the outcome.
async fn wait_for_all(mut services: Services, process: &Process) -> Result<(), Error> {
    while let Some(joined) = services.join_next().await {
        let mut ended = joined.unwrap_or_else(|panic| Err(Error::Panicked(panic)));
        if !process.shutdown.is_cancelled() {
            ended = ended.and(Err(Error::EndedEarly));
        }
        if let Err(error) = ended {
            tracing::error!(%error, "a service failed, stopping the others");
            process.record_failure(error);
        }
        process.shutdown.cancel();
    }
    process.outcome()
}

/// Prints in a thread of its own, because standard output may be closed, or a pipe that is not read.
fn print_addresses(clients: &TcpListener, http: &TcpListener) {
    let (Ok(clients), Ok(http)) = (clients.local_addr(), http.local_addr()) else { return };
    let text = format!(
        "Switchboard is running, with all services in this process.\n  \
         Demo page   http://{}/\n  \
         Websocket   ws://{}/   (subprotocol janus-protocol)\n",
        reachable(http),
        reachable(clients),
    );
    let print = move || io::stdout().write_all(text.as_bytes());
    // Without that thread, the addresses are still in the options.
    let _ = std::thread::Builder::new().name("addresses".to_owned()).spawn(print);
}

/// Returns an address that a browser on this machine can open: 0.0.0.0 and `[::]` stand for all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
