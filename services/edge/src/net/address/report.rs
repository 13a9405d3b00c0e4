//! Says who reaches a limit: in a metric, in the log, and as a finding of the cluster.

use super::limit::Limit;
use crate::metrics;
use common::sync::Mutex;
use common::{ErrorLog, warn_failure};
use service::AddressGroup;
use std::time::Duration;
use tokio::time::Instant;

/// How long a limit that was reached is reported.
const NOTICE_DURATION: Duration = Duration::from_secs(30);

/// When an address has reached a limit last. Turns at the routers are left out: to wait for one is no news.
static LATEST: Mutex<Option<(Instant, Limit, AddressGroup)>> = Mutex::new(None);

/// Counts that a client or an address has reached the limit, and says so in the log: one line for each limit at the
/// beginning, and one a minute.
pub fn report(limit: Limit, address: Option<AddressGroup>) {
    metrics::limit_reached(limit);
    let Some(address) = address else { return };
    let (option, consequence) = (option(limit), consequence(limit));
    if limit.is_of_address() {
        if limit != Limit::ConcurrentRequests {
            *LATEST.lock() = Some((Instant::now(), limit, address));
        }
        warn_failure!(
            log(limit), %address,
            "an address has reached {option}, {consequence}; if it is a proxy, name it in --trusted-proxies"
        );
    } else {
        warn_failure!(log(limit), %address, "a client has reached {option}, {consequence}");
    }
}

/// Returns who has exceeded a limit of addresses a short while ago, and which, for operators.
pub fn latest(now: Instant) -> Option<String> {
    let (at, limit, address) = (*LATEST.lock())?;
    let is_recent = now.saturating_duration_since(at) < NOTICE_DURATION;
    is_recent.then(|| format!("Address {address} has reached {}: {}.", option(limit), consequence(limit)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_limit_of_an_address_is_named_for_a_while() {
        let now = Instant::now();
        let address = Some(AddressGroup::of("2001:db8::1".parse().unwrap()));
        report(Limit::Sessions, address);
        report(Limit::ConcurrentRequests, address);
        report(Limit::ClientCalls, address);
        let notice = latest(Instant::now()).unwrap();
        assert!(notice.contains("2001:db8::/64") || notice.contains("192.0.2."), "{notice}");
        assert_eq!(latest(now + NOTICE_DURATION * 2), None);
    }
}
