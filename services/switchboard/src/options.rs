//! The flags of each subcommand. `--some-flag` is the environment variable `SWITCHBOARD_SOME_FLAG`
//! too; a flag wins over its variable. The doc comments here are what `--help` prints.

use crate::ungrouped::FlattenArgs;
use ::load::Load;
use clap::{Args, Parser, Subcommand};
use service::Secret;
use service::options::{AdminOptions, LogOptions, RedisOptions};
use std::path::PathBuf;

/// Video calls between browsers, over as many Janus servers as you start
///
/// Switchboard speaks the Janus websocket API of the VideoCall plugin: a browser that can talk to
/// one Janus can talk to it. Begin with `switchboard standalone --backend a=ws://JANUS:8188`; for
/// more than one machine start the four services beside a Redis.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, max_term_width = 100)]
pub struct Options {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be run.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Service(Box<ServiceCommand>),
    /// Prints the log of calls: who rang, who answered, how it ended
    Calls(CallsArgs),
    /// Says whether another process is ready, for health checks of containers
    Health(HealthArgs),
    /// Measures how fast calls are here: makes calls, at a Switchboard, a Janus or a janus-cloud
    #[command(subcommand)]
    Load(Box<Load>),
    /// Shows the cluster in the terminal: roads, services, Janus servers, calls; `?` tells the keys
    Top(TopArgs),
    /// Tells what happened to one call, step by step
    Trace(TraceArgs),
}

/// One process of a cluster, or all of it.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// All services in one process, without Redis: to try it out, or for one machine
    Standalone(Box<StandaloneArgs>),
    /// Holds the clients' websockets
    Edge(EdgeArgs),
    /// Decides who is called on which Janus server
    Router(RouterArgs),
    /// Holds the connections to the Janus servers
    Connector(ConnectorArgs),
    /// Speaks HTTP: the demo page, operators, other proxies
    Rest(RestArgs),
}

/// What every process has.
#[derive(Args, Clone, Debug)]
pub struct ProcessArgs {
    /// Seconds that stopping may take: work is finished or handed over until then
    #[arg(long, env = "SWITCHBOARD_DRAIN_TIMEOUT", value_name = "SECONDS", default_value_t = 20)]
    pub drain_timeout: u64,

    /// Threads that do the work. One is quickest as long as it is enough; more let one process use more cores
    #[arg(long, env = "SWITCHBOARD_THREADS", value_name = "COUNT", default_value_t = 1)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub threads: usize,

    #[command(flatten)]
    pub admin: AdminOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

/// What every process of a cluster has.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub process: ProcessArgs,
}

/// `standalone`
#[derive(Args, Debug)]
pub struct StandaloneArgs {
    /// Where clients connect with websockets
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "0.0.0.0:8188")]
    pub listen: String,

    /// Where the demo page and the HTTP API are served; for more than this machine set --rest-secret too
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

/// `edge`
#[derive(Args, Debug)]
pub struct EdgeArgs {
    /// Where clients connect with websockets
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "0.0.0.0:8188")]
    pub listen: String,

    #[command(flatten)]
    pub edge: FlattenArgs<edge::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `router`
#[derive(Args, Debug)]
pub struct RouterArgs {
    #[command(flatten)]
    pub router: FlattenArgs<router::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `connector`
#[derive(Args, Debug)]
pub struct ConnectorArgs {
    #[command(flatten)]
    pub connector: FlattenArgs<connector::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `rest`
#[derive(Args, Debug)]
pub struct RestArgs {
    /// Where the demo page and the HTTP API are served; for more than this machine set --rest-secret too
    #[arg(long, env = "SWITCHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,

    #[command(flatten)]
    pub rest: FlattenArgs<rest::Options>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `calls`. Of all that looks: what one wants to see this time has no variable; an edge's `--json` is another.
#[derive(Args, Debug)]
pub struct CallsArgs {
    /// Go on with each line as it is written; without, the newest 100 are printed
    #[arg(long)]
    pub follow: bool,

    /// Print each line as a JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

/// `health`
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// The --admin-listen of the process that is asked
    #[arg(
        long,
        env = "SWITCHBOARD_ADMIN_LISTEN",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9090"
    )]
    pub admin_listen: String,
}

/// `top`
#[derive(Args, Debug)]
pub struct TopArgs {
    /// Where a rest service of the cluster serves HTTP
    #[arg(
        long,
        env = "SWITCHBOARD_REST",
        value_name = "http://HOST[:PORT]",
        default_value = "http://127.0.0.1:8080"
    )]
    pub rest: String,

    /// The secret that this rest service was started with, if it was
    #[arg(long, env = "SWITCHBOARD_REST_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub rest_secret: Option<Secret>,

    /// The file that this rest service has its secret from; --rest-secret wins over it
    #[arg(long, env = "SWITCHBOARD_REST_SECRET_FILE", value_name = "FILE")]
    pub rest_secret_file: Option<PathBuf>,

    /// Print one look, and end; it takes a second, for the rates
    #[arg(long)]
    pub once: bool,

    /// Print it as JSON: what /api/v1/cluster says, with rates, and with what is wrong
    #[arg(long, requires = "once")]
    pub json: bool,
}

/// `trace`
#[derive(Args, Debug)]
pub struct TraceArgs {
    /// The id of the call, as `switchboard calls` and every service's log have it
    #[arg(value_name = "CALL_ID")]
    pub call: String,

    /// Print it as a JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub redis: RedisOptions,
    #[command(flatten)]
    pub log: LogOptions,
}

impl Command {
    /// How many threads do the work.
    pub fn threads(&self) -> usize {
        match self {
            Self::Service(service) => service.process().threads,
            Self::Calls(_) | Self::Health(_) | Self::Load(_) | Self::Top(_) | Self::Trace(_) => 1,
        }
    }
}

impl ServiceCommand {
    /// The part that every process has.
    pub fn process(&self) -> &ProcessArgs {
        match self {
            Self::Standalone(options) => &options.process,
            Self::Edge(options) => &options.cluster.process,
            Self::Router(options) => &options.cluster.process,
            Self::Connector(options) => &options.cluster.process,
            Self::Rest(options) => &options.cluster.process,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// What is no service.
    const LOOKS: [&str; 4] = ["calls", "load", "top", "trace"];

    fn subcommands() -> Vec<clap::Command> {
        let mut command = Options::command();
        command.build();
        command.get_subcommands().filter(|it| it.get_name() != "help").cloned().collect()
    }

    #[test]
    fn the_flags_of_each_subcommand_fit_together() {
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
            let help = outcome.expect_err("help is no command");
            assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
            assert_eq!(
                help.to_string().contains("--admin-listen"),
                !LOOKS.contains(&name.as_str()),
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn every_flag_has_words_and_the_variable_of_its_name() {
        for command in subcommands() {
            let is_ours = |flag: &&clap::Arg| {
                !flag.is_positional() && !matches!(flag.get_id().as_str(), "help" | "version")
            };
            for flag in command.get_arguments().filter(is_ours) {
                let name = flag.get_long().expect("every option has a long flag");
                let variable = format!("SWITCHBOARD_{}", name.replace('-', "_").to_uppercase());
                let given = flag.get_env().and_then(|it| it.to_str());
                let looks = LOOKS.contains(&command.get_name());
                let has_none = looks && ["follow", "json", "once"].contains(&name);
                let wanted = (!has_none).then_some(variable.as_str());
                assert_eq!(given, wanted, "{} --{name}", command.get_name());
                assert!(flag.get_help().is_some(), "{} --{name}", command.get_name());
            }
        }
    }

    #[test]
    fn every_flag_of_a_load_has_words_and_only_secrets_have_a_variable() {
        let all = subcommands();
        let load = all.iter().find(|it| it.get_name() == "load").expect("there is a load");
        for flag in load.get_subcommands().flat_map(clap::Command::get_arguments) {
            let is_secret = ["api_secret", "token"].contains(&flag.get_id().as_str());
            assert_eq!(flag.get_env().is_some(), is_secret, "{}", flag.get_id());
            assert!(flag.get_help().is_some(), "{}", flag.get_id());
        }
    }

    #[test]
    fn a_service_of_a_cluster_wants_a_redis_and_standalone_does_not() {
        for name in ["edge", "router", "connector", "rest", "calls"] {
            assert!(Options::try_parse_from(["switchboard", name]).is_err(), "{name}");
            assert!(Options::try_parse_from(["switchboard", name, "--redis", "redis://h"]).is_ok(), "{name}");
        }
        let alone =
            ["switchboard", "standalone", "--backend", "a=ws://127.0.0.1:8189", "--rest-listen", "[::1]:80"];
        assert!(Options::try_parse_from(alone).is_ok());
        assert!(Options::try_parse_from(["switchboard", "standalone", "--redis", "redis://h"]).is_err());
    }
}
