//! Runs a subcommand. A service listens, connects to Redis, and then runs until a signal.

use crate::connect::connect;
use crate::error::Error;
use crate::options::{Command, ConnectorArgs, EdgeArgs, RestArgs, RouterArgs, ServiceCommand};
use crate::process::{Process, listen, listen_for_http};
use crate::{calls, health, standalone, top, trace};
use load::Load;
use service::registration::run_registered;
use service::shutdown;
use std::io;

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

/// Prints the result also when a signal ends the load early.
async fn run_load(args: &Load) -> Result<(), Error> {
    let stop = shutdown::on_signal().map_err(Error::Signals)?;
    Ok(load::run(args, &mut io::stdout(), stop).await?)
}

/// Spawns a task, because tokio wakes the future of `block_on` through a system call.
async fn run_service(service: ServiceCommand) -> Result<(), Error> {
    let task = async move {
        let process = Process::start(service.process()).await?;
        let outcome = process.run(start(service, &process)).await;
        process.finish().await;
        outcome
    };
    tokio::spawn(task).await.unwrap_or_else(|panic| Err(Error::Panicked(panic)))
}

async fn start(service: ServiceCommand, process: &Process) -> Result<(), Error> {
    match service {
        ServiceCommand::Standalone(args) => standalone::run(*args, process).await,
        ServiceCommand::Edge(args) => edge(args, process).await,
        ServiceCommand::Router(args) => router(args, process).await,
        ServiceCommand::Connector(args) => connector(args, process).await,
        ServiceCommand::Rest(args) => rest(args, process).await,
    }
}

async fn edge(args: EdgeArgs, process: &Process) -> Result<(), Error> {
    let listener = listen("--listen", &args.listen).await?;
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
    let options = args.rest.0.with_secret().map_err(rest::Error::from)?;
    let listener = listen_for_http("--listen", &args.listen, &options).await?;
    let Some(context) = connect("rest", &args.cluster.redis, process).await? else { return Ok(()) };
    Ok(run_registered("rest", context, |context| rest::run(options, listener, context)).await?)
}
