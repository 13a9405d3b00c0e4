//! The options of a router.

use crate::placement::Policy;
use clap::Args;
use service::options::CanaryOptions;

/// How a router decides.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How the media server of a call is chosen: rr (in turn), rand (any), lb (fewest calls), wr
    /// (any, less loaded ones more often) or p2c (the less loaded of any two)
    #[arg(long, env = "SWITCHBOARD_SERVER_SELECT", value_name = "POLICY", default_value = "p2c")]
    pub server_select: Policy,

    /// Canaries on the road of notices.
    #[command(flatten)]
    pub canary: CanaryOptions,
}
