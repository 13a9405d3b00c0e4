//! The flags of each subcommand. `--some-flag` can also be set as `SWITCHBOARD_SOME_FLAG`; the flag wins over
//! the variable. `--help` prints the doc comments, and docs/configuration.md is generated from them.

use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use load::Load;
use service::Secret;
use service::options::{AdminOptions, LogOptions};
use service::redis_options::RedisOptions;
use std::path::PathBuf;

/// Runs many Janus servers as one: video calls with the Janus VideoCall API
///
/// Clients speak the unmodified websocket API of Janus and its VideoCall plugin; Switchboard routes each call
/// to a Janus server. Start with `switchboard standalone --backend a=ws://JANUS:8188`. For more than one
/// machine, start the services edge, router, connector and rest with a Redis server.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, max_term_width = 100)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Service(Box<ServiceCommand>),
    /// Prints the log of calls: ringing, answered, ended
    Calls(CallsArgs),
    /// Checks whether another process is ready, for health checks of containers
    Health(HealthArgs),
    /// Generates load: calls at a Switchboard, a Janus server or a janus-cloud
    #[command(subcommand)]
    Load(Box<Load>),
    /// Shows the cluster in a terminal: streams, services, Janus servers, calls; `?` shows the keys
    Top(TopArgs),
    /// Prints what happened to one call, step by step
    Trace(TraceArgs),
}

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Runs all services in one process, without Redis: for a trial, or for one machine
    Standalone(Box<StandaloneArgs>),
    /// Accepts the websockets of clients
    Edge(EdgeArgs),
    /// Decides who owns a name, and on which Janus server a call is placed
    Router(RouterArgs),
    /// Connects to the Janus servers
    Connector(ConnectorArgs),
    /// Serves HTTP: demo page, dashboard, API, and janus-cloud proxies
    Rest(RestArgs),
}

/// The flags of every process.
#[derive(Args, Clone, Debug)]
pub struct ProcessArgs {
    /// Seconds that a shutdown may take; until then work is finished or handed over
    #[arg(long, env = "SWITCHBOARD_DRAIN_TIMEOUT", value_name = "SECONDS", default_value_t = 20)]
    pub drain_timeout: u64,

    /// Worker threads. One is fastest as long as one core suffices
    #[arg(long, env = "SWITCHBOARD_THREADS", value_name = "COUNT", default_value_t = 1)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub threads: usize,

    #[command(flatten)]
    pub admin: AdminOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

/// The flags of every process of a cluster.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub process: ProcessArgs,
}

#[derive(Args, Debug)]
pub struct StandaloneArgs {
    /// Address for the websockets of clients; 0.0.0.0:8188 admits other machines
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8188")]
    pub listen: String,

    /// Address for demo page, dashboard and HTTP API; other than loopback it needs --rest-secret
    #[arg(long, env = "SWITCHBOARD_REST_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub rest_listen: String,

    #[command(flatten)]
    pub connector: FlattenArgs<connector::Options>,
    #[command(flatten)]
    pub edge: FlattenArgs<edge::Options>,
    #[command(flatten)]
    pub router: FlattenArgs<router::Options>,
    #[command(flatten)]
    pub rest: FlattenArgs<rest::Options>,
    #[command(flatten)]
    pub process: ProcessArgs,
}

#[derive(Args, Debug)]
pub struct EdgeArgs {
    /// Address for the websockets of clients
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "0.0.0.0:8188")]
    pub listen: String,

    #[command(flatten)]
    pub edge: FlattenArgs<edge::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Args, Debug)]
pub struct RouterArgs {
    #[command(flatten)]
    pub router: FlattenArgs<router::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Args, Debug)]
pub struct ConnectorArgs {
    #[command(flatten)]
    pub connector: FlattenArgs<connector::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Args, Debug)]
pub struct RestArgs {
    /// Address for demo page, dashboard and HTTP API; other than loopback it needs --rest-secret
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,

    #[command(flatten)]
    pub rest: FlattenArgs<rest::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `calls`. Flags that choose an output have no variable: `SWITCHBOARD_JSON` would be that of an edge.
#[derive(Args, Debug)]
pub struct CallsArgs {
    /// Print new events as they happen, after the newest 100
    #[arg(long)]
    pub follow: bool,

    /// Print each event as a JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

#[derive(Args, Debug)]
pub struct HealthArgs {
    /// Admin address of the process to check
    #[arg(
        long,
        env = "SWITCHBOARD_ADMIN_LISTEN",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9090"
    )]
    pub admin_listen: String,
}

#[derive(Args, Debug)]
pub struct TopArgs {
    /// URL of a rest service of the cluster
    #[arg(
        long,
        env = "SWITCHBOARD_REST",
        value_name = "http://HOST[:PORT]",
        default_value = "http://127.0.0.1:8080"
    )]
    pub rest: String,

    /// The --rest-secret of that rest service, if it has one
    #[arg(long, env = "SWITCHBOARD_REST_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub rest_secret: Option<Secret>,

    /// File with that secret; --rest-secret takes precedence
    #[arg(long, env = "SWITCHBOARD_REST_SECRET_FILE", value_name = "FILE")]
    pub rest_secret_file: Option<PathBuf>,

    /// Print the state once, and exit; takes a second, to measure rates
    #[arg(long)]
    pub once: bool,

    /// Print JSON: the response of /api/v1/cluster, with the rates of streams
    #[arg(long, requires = "once")]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct TraceArgs {
    /// The id of the call, from `switchboard calls` or the log of a service
    #[arg(value_name = "CALL_ID")]
    pub call: String,

    /// Print a JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

impl Command {
    /// Returns the number of worker threads.
    pub fn threads(&self) -> usize {
        match self {
            Self::Service(service) => service.process().threads,
            Self::Calls(_) | Self::Health(_) | Self::Load(_) | Self::Top(_) | Self::Trace(_) => 1,
        }
    }
}

impl ServiceCommand {
    /// Returns the flags that every process has.
    pub fn process(&self) -> &ProcessArgs {
        match self {
            Self::Standalone(args) => &args.process,
            Self::Edge(args) => &args.cluster.process,
            Self::Router(args) => &args.cluster.process,
            Self::Connector(args) => &args.cluster.process,
            Self::Rest(args) => &args.cluster.process,
        }
    }
}

/// The flags of `T`, without a group, so that one command can have the flags of several services.
///
/// clap names the group of a flattened struct after the struct. All services call theirs `Options`, and two
/// groups of a command must not share a name. A flag that several services have appears once, and applies to
/// all of them.
#[derive(Clone, Debug)]
pub struct FlattenArgs<T>(pub T);

impl<T: Args> Args for FlattenArgs<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        add_args_of(command, &T::augment_args(unordered()))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        add_args_of(command, &T::augment_args_for_update(unordered()))
    }
}

fn add_args_of(command: clap::Command, service: &clap::Command) -> clap::Command {
    let is_known = |arg: &&Arg| command.get_arguments().any(|known| known.get_id() == arg.get_id());
    let added: Vec<Arg> = service.get_arguments().filter(|arg| !is_known(arg)).cloned().collect();
    command.args(added)
}

/// A command that does not number its flags, so that `--help` shows them where they are flattened.
fn unordered() -> clap::Command {
    clap::Command::new("").next_display_order(None)
}

impl<T: FromArgMatches> FromArgMatches for FlattenArgs<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests;
