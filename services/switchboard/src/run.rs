//! One function for each subcommand: listen, join the cluster, run the service.

use crate::error::Error;
use crate::options::{Command, ConnectorArgs, EdgeArgs, RestArgs, RouterArgs, ServiceCommand};
use crate::process::{Process, listen, listen_for_http};
use crate::{calls, cluster, health, load, standalone, top, trace};
use service::registration::run_registered;

/// Runs what was asked for until a signal, or until it fails.
pub async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Service(service) => serve(*service).await,
        Command::Calls(options) => calls::run(options).await,
        Command::Health(options) => health::run(&options).await,
        Command::Load(load) => load::run(&load).await,
        Command::Top(options) => top::run(options).await,
        Command::Trace(options) => trace::run(options).await,
    }
}

/// A task of its own: what the thread itself waits for it is woken for through the operating system.
async fn serve(service: ServiceCommand) -> Result<(), Error> {
    tokio::spawn(serve_on(service)).await.unwrap_or_else(|panic| Err(Error::Panicked(panic)))
}

async fn serve_on(service: ServiceCommand) -> Result<(), Error> {
    let process = Process::start(service.process()).await?;
    let outcome = process.run(start(service, &process)).await;
    process.finish().await;
    outcome
}

async fn start(service: ServiceCommand, process: &Process) -> Result<(), Error> {
    match service {
        ServiceCommand::Standalone(options) => standalone::run(*options, process).await,
        ServiceCommand::Edge(options) => edge(options, process).await,
        ServiceCommand::Router(options) => router(options, process).await,
        ServiceCommand::Connector(options) => connector(options, process).await,
        ServiceCommand::Rest(options) => rest(options, process).await,
    }
}

async fn edge(options: EdgeArgs, process: &Process) -> Result<(), Error> {
    let listener = listen("--listen", &options.listen).await?;
    match cluster::connect("edge", &options.cluster.redis, process).await? {
        Some(context) => {
            Ok(run_registered("edge", context, |context| edge::run(options.edge.0, listener, context))
                .await?)
        }
        None => Ok(()),
    }
}

async fn router(options: RouterArgs, process: &Process) -> Result<(), Error> {
    match cluster::connect("router", &options.cluster.redis, process).await? {
        Some(context) => {
            Ok(run_registered("router", context, |context| router::run(options.router.0, context)).await?)
        }
        None => Ok(()),
    }
}

async fn connector(options: ConnectorArgs, process: &Process) -> Result<(), Error> {
    match cluster::connect("connector", &options.cluster.redis, process).await? {
        Some(context) => {
            Ok(run_registered("connector", context, |context| connector::run(options.connector.0, context))
                .await?)
        }
        None => Ok(()),
    }
}

async fn rest(options: RestArgs, process: &Process) -> Result<(), Error> {
    let page = options.rest.0.with_secret().map_err(rest::Error::from)?;
    let listener = listen_for_http("--listen", &options.listen, &page).await?;
    match cluster::connect("rest", &options.cluster.redis, process).await? {
        Some(context) => {
            Ok(run_registered("rest", context, |context| rest::run(page, listener, context)).await?)
        }
        None => Ok(()),
    }
}
