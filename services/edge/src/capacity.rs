//! An edge without a place for another client is not ready, so that load balancers send clients to others.

use crate::context::EdgeContext;
use common::{ErrorLog, warn_failure};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

static FULL: ErrorLog = ErrorLog::new("having places for clients");

/// The condition in `/readyz`.
const CONDITION: &str = "clients";
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// A full edge is ready again when this part of its places is free, as a divisor.
const FREE_PARTS: usize = 20;

/// Reports until the edge stops.
pub async fn run(context: Arc<EdgeContext>) {
    let max = context.socket_options.max_connections;
    let mut ticks = interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    crate::metrics::set_max_clients(max);
    let mut was_full = false;
    loop {
        ticks.tick().await;
        let full = is_full(was_full, context.free_places(), max);
        if full {
            warn_failure!(FULL, max, "the edge is full, not ready until some clients have left");
            context.health.set_unready(
                CONDITION,
                &format!("all {max} places for clients are taken (--max-connections)"),
            );
        } else if was_full {
            FULL.succeeded();
            context.health.remove(CONDITION);
        }
        was_full = full;
    }
}

/// The next client to be accepted holds a place already, so that one place is left when none is free. An edge with only one
/// never counts as full.
fn is_full(was_full: bool, free: usize, max: usize) -> bool {
    let needed = if was_full { max / FREE_PARTS } else { 0 };
    max > 1 && free <= needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_edge_is_ready_again_when_some_clients_have_left() {
        let mut full = false;
        let seen = [5, 1, 0, 1, 5, 6, 1, 0].map(|free| {
            full = is_full(full, free, 100);
            full
        });
        assert_eq!(seen, [false, false, true, true, true, false, false, true]);
        assert!(is_full(false, 0, 2) && !is_full(true, 1, 2));
        assert!(!is_full(false, 0, 1));
    }
}
