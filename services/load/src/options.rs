//! The options of the load generator. `--help` prints these doc comments.

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::messages;
use clap::{Args, Subcommand};
use service::Secret;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The kinds of load.
#[derive(Clone, Debug, Subcommand)]
pub enum Load {
    /// Pairs of clients that call each other, and how long ringing, accepting and hanging up take
    ///
    /// Each pair is two clients with a websocket each. The caller sends `call` with an offer. The callee receives
    /// it and sends `accept` with an answer. Both send their candidates. After --hold the caller sends
    /// `hangup`. No media flows.
    ///
    /// The result is one line of JSON on standard output. `calls` are those that were hung up in the measured
    /// seconds, `errors` counts errors by kind. The times are milliseconds as the clients see them, including
    /// the network and the delays of this program:
    ///
    /// ring_ms     from sending `call` until the callee receives `incomingcall`;
    /// refused_ms  from sending `call` until the caller receives a refusal;
    /// accept_ms   from sending `accept` until the caller receives `accepted`;
    /// hangup_ms   from sending `hangup` until both have received the end of the call.
    ///
    /// A request without a reply within 10 s is the error `no answer to call`. A refused one is an error with its
    /// code, `call 478`. After an error a pair pauses for a second, and continues. A plain Janus closes a call up to
    /// a second after its end, and accepts no other call until then. A pair waits for that, outside the measured
    /// times. Occasionally a plain Janus refuses even then, with 490.
    #[command(verbatim_doc_comment)]
    Calls(Calls),

    /// Clients that are registered and do nothing, and how long they take to reconnect when a connection breaks
    ///
    /// Each sends a keepalive every 25 s. A client whose connection breaks connects to the next address, after a
    /// short random delay, and claims its session. If the session has ended, that is the error `claim 458`, and
    /// the client registers again.
    ///
    /// The result is two lines of JSON on standard output: one when all clients are connected, one at the end.
    ///
    /// claim_ms             from the loss of a connection until the client has its session again;
    /// last_claim_seconds   from the first loss until the last client reconnected.
    #[command(verbatim_doc_comment)]
    Idle(Idle),

    /// Clients that all connect at once, drop their connections at once, and all reconnect
    ///
    /// The result is one line of JSON on standard output.
    ///
    /// ready_ms           from the start until a client was registered;
    /// register_seconds   until all were;
    /// claim_ms           from the drop until a client had its session again;
    /// claim_seconds      until all had.
    ///
    /// These times include the wait for others, because at most --at-once clients connect at the same time.
    #[command(verbatim_doc_comment)]
    Storm(Storm),
}

/// The server to load, and the credentials.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Address to connect to; may be repeated: clients then take turns, and of a pair one connects to an
    /// address and the other to the next
    #[arg(long = "url", value_name = "ws://HOST:PORT", required = true)]
    pub urls: Vec<Endpoint>,

    /// Prefix of the clients' names: letters, digits and `_` [default: random]
    #[arg(long, value_name = "TEXT", value_parser = prefix)]
    pub name_prefix: Option<String>,

    /// API secret of the server, sent as `apisecret`
    #[arg(long, env = "SWITCHBOARD_API_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub api_secret: Option<Secret>,

    /// Token, sent as `token`
    #[arg(long, env = "SWITCHBOARD_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<Secret>,

    /// Print no progress on standard error
    #[arg(long)]
    pub quiet: bool,
}

/// `load calls`
#[derive(Args, Clone, Debug)]
pub struct Calls {
    #[command(flatten)]
    pub target: Target,

    /// Number of pairs, and so the most calls at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=500_000))]
    pub pairs: usize,

    /// Calls to start per second, evenly spaced; a call for which no pair is free is an error. Without it, each
    /// pair calls again as soon as its last call is over
    #[arg(long, value_name = "CALLS_PER_SECOND", value_parser = rate)]
    pub rate: Option<f64>,

    /// Length of the measurement; 0 for until Ctrl-C, which ends it early in any case
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub seconds: Seconds,

    /// Time of calling before the measurement
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub warm_up: Seconds,

    /// Time from `accepted` to `hangup`. A Janus that receives candidates but no media ends a call after 12
    /// seconds or more; for longer calls use --candidates 0
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub hold: u64,

    /// Candidates that each side sends, in one message each, followed by the end of candidates; 0 for neither
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    pub candidates: u8,
}

/// The number of clients, and how many connect at the same time.
#[derive(Args, Clone, Debug)]
pub struct ClientOptions {
    /// Number of clients
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub clients: usize,

    /// The most clients that connect and register, or claim, at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub at_once: usize,
}

/// `load idle`
#[derive(Args, Clone, Debug)]
pub struct Idle {
    #[command(flatten)]
    pub target: Target,

    #[command(flatten)]
    pub client_options: ClientOptions,

    /// Clients that start to connect per second; without it, no limit
    #[arg(long, value_name = "CONNECTS", value_parser = rate)]
    pub per_second: Option<f64>,

    /// Time to stay connected once all are; 0 for until Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    pub seconds: Seconds,
}

/// `load storm`
#[derive(Args, Clone, Debug)]
pub struct Storm {
    #[command(flatten)]
    pub target: Target,

    #[command(flatten)]
    pub client_options: ClientOptions,

    /// Time to stay connected before the connections are dropped
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub seconds: Seconds,
}

impl Target {
    /// The members of every request that authenticate it.
    pub fn credentials(&self) -> Arc<str> {
        messages::credentials(self.api_secret.as_ref(), self.token.as_ref())
    }

    /// The prefix of the clients' names.
    pub fn prefix(&self) -> Result<String, Error> {
        match &self.name_prefix {
            Some(prefix) => Ok(prefix.clone()),
            None => Ok(format!("load_{:08x}_", getrandom::u32()?)),
        }
    }
}

/// A time in seconds, `1.5`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = text.parse().map_err(|_| "not a number of seconds")?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if time <= Duration::from_secs(365 * 86_400) => Ok(Self(time)),
            _ => Err("a time has at most a year of seconds"),
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

/// Parses a prefix of names. janus-cloud accepts names of at most 128 of these characters.
fn prefix(text: &str) -> Result<String, &'static str> {
    let is_word = text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if is_word && text.len() <= 100 {
        Ok(text.to_owned())
    } else {
        Err("a prefix has at most 100 letters, digits and _")
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(rate) if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number above 0"),
    }
}
