//! What can be asked of a load generator. The doc comments here are what `--help` prints.

use crate::door::Endpoint;
use crate::error::Error;
use crate::words;
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
    /// Each pair is two clients with a websocket each. The caller sends `call` with an offer; the callee hears
    /// it and sends `accept` with an answer; both send their candidates; after --hold the caller sends
    /// `hangup`. No media flows.
    ///
    /// The result is one line of JSON on standard output. `calls` are those that were hung up in the measured
    /// seconds, `errors` says what went wrong how often. The times are milliseconds as the clients see them,
    /// the network and whatever delays this program included:
    ///
    /// ring_ms     from sending `call` until the callee hears `incomingcall`;
    /// refused_ms  from sending `call` until the caller hears that it is refused;
    /// accept_ms   from sending `accept` until the caller hears `accepted`;
    /// hangup_ms   from sending `hangup` until both have heard that the call is over.
    ///
    /// What is not answered in 10 s is an error, `no answer to call`; what is refused is one with its code,
    /// `call 478`. A pair pauses for a second after an error, and goes on. A plain Janus closes a call up to a
    /// second after its end and takes no other until then; a pair waits for that, and no time has it in it. Now and
    /// then a plain Janus is not ready even so, and refuses with 490.
    #[command(verbatim_doc_comment)]
    Calls(Calls),

    /// Clients that are registered and do nothing, and how long they need to come back when a connection breaks
    ///
    /// Each sends a keepalive every 25 s. One whose connection breaks connects to the next address, after a
    /// short pause by chance, and claims its session; when that is gone, it is an error, `claim 458`, and
    /// the client registers anew.
    ///
    /// The result is two lines of JSON on standard output: one when all clients are there, one at the end.
    ///
    /// claim_ms             from the loss of a connection until the client has its session again;
    /// last_claim_seconds   from the first loss until the last client was back.
    #[command(verbatim_doc_comment)]
    Idle(Idle),

    /// Clients that come all at once, drop their connections all at once, and come all back
    ///
    /// The result is one line of JSON on standard output.
    ///
    /// ready_ms           from the beginning until a client was registered;
    /// register_seconds   until all were;
    /// claim_ms           from the drop until a client had its session again;
    /// claim_seconds      until all had.
    ///
    /// That no more than --at-once connect at the same time is a part of these times.
    #[command(verbatim_doc_comment)]
    Storm(Storm),
}

/// Whom to load, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Where to connect; may be repeated: clients then connect to one after the other, and of two that
    /// call each other one to this address, the other to the next
    #[arg(long = "url", value_name = "ws://HOST:PORT", required = true)]
    pub urls: Vec<Endpoint>,

    /// What the names of the clients begin with: letters, digits and `_`; without it, something that no other
    /// run has
    #[arg(long, value_name = "TEXT", value_parser = prefix)]
    pub name_prefix: Option<String>,

    /// What the server wants as `apisecret`
    #[arg(long, env = "SWITCHBOARD_API_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub api_secret: Option<Secret>,

    /// What the server wants as `token`
    #[arg(long, env = "SWITCHBOARD_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<Secret>,

    /// Print the result alone, and no progress on standard error
    #[arg(long)]
    pub quiet: bool,
}

/// `load calls`
#[derive(Args, Clone, Debug)]
pub struct Calls {
    /// Whom, and as whom.
    #[command(flatten)]
    pub target: Target,

    /// How many pairs there are: that many calls at once, at most
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=500_000))]
    pub pairs: usize,

    /// How many calls begin in a second, spread evenly over it; one for which no pair is free is an error.
    /// Without it each pair calls again as soon as its last call is over
    #[arg(long, value_name = "CALLS_PER_SECOND", value_parser = rate)]
    pub rate: Option<f64>,

    /// How long it is measured; 0 is until Ctrl-C, which ends it early in any case
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub seconds: Seconds,

    /// How long they call before it is measured
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub warm_up: Seconds,

    /// How long a call lasts once it is accepted. A Janus that gets candidates but no media ends it after
    /// 12 seconds and more; for longer calls send none
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub hold: u64,

    /// How many candidates each side sends, each in a message of its own, and then that there are no more; with
    /// 0, neither
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    pub candidates: u8,
}

/// How many clients there are, and how fast they come.
#[derive(Args, Clone, Debug)]
pub struct ClientOptions {
    /// How many clients there are
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub clients: usize,

    /// How many clients connect and register, or claim, at the same time, at most
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub at_once: usize,
}

/// `load idle`
#[derive(Args, Clone, Debug)]
pub struct Idle {
    /// Whom, and as whom.
    #[command(flatten)]
    pub target: Target,

    /// How many.
    #[command(flatten)]
    pub client_options: ClientOptions,

    /// How many clients begin to connect in a second; without it as many as can
    #[arg(long, value_name = "CONNECTS", value_parser = rate)]
    pub per_second: Option<f64>,

    /// How long they stay once all are there; 0 is until Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    pub seconds: Seconds,
}

/// `load storm`
#[derive(Args, Clone, Debug)]
pub struct Storm {
    /// Whom, and as whom.
    #[command(flatten)]
    pub target: Target,

    /// How many.
    #[command(flatten)]
    pub client_options: ClientOptions,

    /// How long they stay before they drop their connections
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub seconds: Seconds,
}

impl Target {
    /// What every request shows.
    pub fn credentials(&self) -> Arc<str> {
        words::credentials(self.api_secret.as_ref(), self.token.as_ref())
    }

    /// What names begin with.
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
        let seconds = text.parse().map_err(|_| "this is no number of seconds")?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if time <= Duration::from_secs(365 * 86_400) => Ok(Self(time)),
            _ => Err("this is no number of seconds that somebody would wait"),
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

/// A janus-cloud takes no other letters in a name, and no more than 128.
fn prefix(text: &str) -> Result<String, &'static str> {
    let is_word = text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    match is_word && text.len() <= 100 {
        true => Ok(text.to_owned()),
        false => Err("a prefix has at most 100 letters, digits and _"),
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(rate) if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number above 0"),
    }
}
