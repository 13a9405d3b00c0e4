//! Says who reaches a limit: in a metric, and in the log.

use super::limit::Limit;
use crate::metrics;
use common::{ErrorLog, warn_failure};
use service::AddressGroup;

/// Counts that a client or an address has reached the limit, and says so in the log: one line for each limit at the
/// beginning, and one a minute.
pub fn report(limit: Limit, address: Option<AddressGroup>) {
    metrics::limit_reached(limit);
    let Some(address) = address else { return };
    let (option, consequence) = (option(limit), consequence(limit));
    if limit.is_of_address() {
        warn_failure!(
            log(limit), %address,
            "an address has reached {option}, {consequence}; if it is a proxy, name it in --trusted-proxies"
        );
    } else {
        warn_failure!(log(limit), %address, "a client has reached {option}, {consequence}");
    }
}

/// Returns the option that changes the limit.
fn option(limit: Limit) -> &'static str {
    match limit {
        Limit::Connections => "--max-connections-per-address",
        Limit::Handshakes => "--max-handshake-rate-per-address",
        Limit::Sessions => "--max-sessions-per-address",
        Limit::Requests => "--max-rate-per-address",
        Limit::Calls => "--max-call-rate-per-address",
        Limit::ConcurrentRequests => "--max-concurrent-requests-per-address",
        Limit::ClientRequests => "--max-rate",
        Limit::ClientCalls => "--max-call-rate",
        Limit::ClientConcurrentRequests => "--max-concurrent-requests",
    }
}

fn consequence(limit: Limit) -> &'static str {
    match limit {
        Limit::Connections | Limit::Handshakes => "refusing its connections",
        Limit::Sessions => "refusing its sessions",
        Limit::Requests | Limit::ClientRequests => "delaying its requests",
        Limit::Calls | Limit::ClientCalls => "delaying its calls",
        Limit::ConcurrentRequests | Limit::ClientConcurrentRequests => "its next requests wait for replies",
    }
}

fn log(limit: Limit) -> &'static ErrorLog {
    static LOGS: [ErrorLog; Limit::ALL.len()] =
        [const { ErrorLog::new("serving clients within their limits") }; Limit::ALL.len()];
    &LOGS[limit as usize]
}
