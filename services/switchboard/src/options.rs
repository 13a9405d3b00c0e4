//! The flags of each subcommand. `--some-flag` can also be set as `SWITCHBOARD_SOME_FLAG`; the flag wins over
//! the variable. `--help` prints the doc comments, and docs/configuration.md is generated from them.

use crate::clap_args::FlattenArgs;
use clap::{Args, Parser, Subcommand};
use load::Load;
use service::Secret;
use service::options::{AdminOptions, LogOptions, RedisOptions};
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
    /// Address for the websockets of clients
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "0.0.0.0:8188")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// The subcommands that are not a service and read no admin address.
    const TOOLS: [&str; 4] = ["calls", "load", "top", "trace"];

    fn subcommands() -> Vec<clap::Command> {
        let mut command = Options::command();
        command.build();
        command.get_subcommands().filter(|it| it.get_name() != "help").cloned().collect()
    }

    #[test]
    fn flags_of_each_subcommand_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn every_subcommand_has_help() {
        let names: Vec<_> = subcommands().iter().map(|it| it.get_name().to_owned()).collect();
        let all =
            ["standalone", "edge", "router", "connector", "rest", "calls", "health", "load", "top", "trace"];
        assert_eq!(names, all);
        for name in names {
            let outcome = Options::try_parse_from(["switchboard", &name, "--help"]);
            let help = outcome.expect_err("--help ends parsing");
            assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
            assert_eq!(
                help.to_string().contains("--admin-listen"),
                !TOOLS.contains(&name.as_str()),
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn every_flag_has_help_and_the_variable_of_its_name() {
        for command in subcommands() {
            let is_own = |flag: &&clap::Arg| {
                !flag.is_positional() && !matches!(flag.get_id().as_str(), "help" | "version")
            };
            for flag in command.get_arguments().filter(is_own) {
                let name = flag.get_long().expect("every option has a long flag");
                let variable = format!("SWITCHBOARD_{}", name.replace('-', "_").to_uppercase());
                let actual = flag.get_env().and_then(|it| it.to_str());
                let is_tool = TOOLS.contains(&command.get_name());
                let has_none = is_tool && ["follow", "json", "once"].contains(&name);
                let expected = (!has_none).then_some(variable.as_str());
                assert_eq!(actual, expected, "{} --{name}", command.get_name());
                assert!(flag.get_help().is_some(), "{} --{name}", command.get_name());
            }
        }
    }

    #[test]
    fn flags_of_load_have_help_and_only_secrets_a_variable() {
        let all = subcommands();
        let load = all.iter().find(|it| it.get_name() == "load").expect("there is a load");
        for flag in load.get_subcommands().flat_map(clap::Command::get_arguments) {
            let is_secret = ["api_secret", "token"].contains(&flag.get_id().as_str());
            assert_eq!(flag.get_env().is_some(), is_secret, "{}", flag.get_id());
            assert!(flag.get_help().is_some(), "{}", flag.get_id());
        }
    }

    #[test]
    fn only_services_of_a_cluster_need_redis() {
        for name in ["edge", "router", "connector", "rest", "calls"] {
            assert!(Options::try_parse_from(["switchboard", name]).is_err(), "{name}");
            assert!(Options::try_parse_from(["switchboard", name, "--redis", "redis://h"]).is_ok(), "{name}");
        }
        let standalone =
            ["switchboard", "standalone", "--backend", "a=ws://127.0.0.1:8189", "--rest-listen", "[::1]:80"];
        assert!(Options::try_parse_from(standalone).is_ok());
        assert!(Options::try_parse_from(["switchboard", "standalone", "--redis", "redis://h"]).is_err());
    }
}
