//! The flags of a router.

use crate::placement::Policy;
use clap::Args;
use service::options::CanaryOptions;

#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How the Janus server of a call is chosen: rr (round robin), rand (at random), lb (fewest calls), wr
    /// (at random, weighted by load) or p2c (the less loaded of two chosen at random)
    #[arg(long, env = "SWITCHBOARD_SERVER_SELECT", value_name = "POLICY", default_value = "p2c")]
    pub server_select: Policy,

    #[command(flatten)]
    pub canary: CanaryOptions,
}
