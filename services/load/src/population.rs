//! How many clients of a run are connected, and how long they took: shared by all clients of the run.

use crate::error::{CallError, ErrorCounts};
use crate::output::{LatencyHistogram, round};
use common::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A wait for clients ends when no count has changed for this long.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Clients that have tried to register.
    pub tried: usize,
    /// Clients that are registered and connected.
    pub connected: usize,
    /// Reconnections, into the old session or a new one.
    pub returned: usize,
}

/// The results of a run.
#[derive(Default)]
pub struct Recovery {
    pub lost: u64,
    pub claims: u64,
    pub ready: LatencyHistogram,
    pub claim: LatencyHistogram,
    pub errors: ErrorCounts,
    first_lost: Option<Instant>,
    last_return: Option<Instant>,
}

impl Recovery {
    /// Seconds from the first lost connection to the last reconnection.
    pub fn recovery_seconds(&self) -> Option<f64> {
        Some(round(self.last_return?.duration_since(self.first_lost?).as_secs_f64()))
    }
}

#[derive(Default)]
pub struct Population {
    counts: watch::Sender<ClientCounts>,
    recovery: Mutex<Recovery>,
}

impl Population {
    /// Counts the first attempt of a client to register.
    pub fn tried(&self) {
        self.counts.send_modify(|counts| counts.tried += 1);
    }

    /// Counts a client that is registered, and records how long it took.
    pub fn registered(&self, took: Duration) {
        self.recovery.lock().ready.add(took);
        self.counts.send_modify(|counts| counts.connected += 1);
    }

    /// Counts a client that lost its connection or session; `connection_lost` if its connection broke.
    pub fn disconnected(&self, connection_lost: bool) {
        let mut recovery = self.recovery.lock();
        recovery.lost += u64::from(connection_lost);
        recovery.first_lost.get_or_insert_with(Instant::now);
        drop(recovery);
        self.counts.send_modify(|counts| counts.connected -= 1);
    }

    /// Counts a client that is connected again; `claimed` if it claimed its old session.
    pub fn reconnected(&self, took: Duration, claimed: bool) {
        let mut recovery = self.recovery.lock();
        recovery.last_return = Some(Instant::now());
        if claimed {
            recovery.claims += 1;
            recovery.claim.add(took);
        }
        drop(recovery);
        self.counts.send_modify(|counts| {
            counts.connected += 1;
            counts.returned += 1;
        });
    }

    /// Counts an error of a client.
    pub fn failed(&self, error: &CallError) {
        self.recovery.lock().errors.add(error);
    }

    /// Waits until the condition holds, or no count changes for [`STALL_TIMEOUT`].
    pub async fn wait_until(&self, condition: impl Fn(&ClientCounts) -> bool) {
        let mut counts = self.counts.subscribe();
        while !condition(&counts.borrow_and_update()) {
            if timeout(STALL_TIMEOUT, counts.changed()).await.is_err() {
                return;
            }
        }
    }

    pub fn counts(&self) -> ClientCounts {
        *self.counts.borrow()
    }

    pub fn errors(&self) -> ErrorCounts {
        self.recovery.lock().errors.clone()
    }

    /// The line of progress.
    pub fn status_line(&self, clients: usize) -> String {
        let connected = self.counts().connected;
        let recovery = self.recovery.lock();
        let (lost, claims, errors) = (recovery.lost, recovery.claims, &recovery.errors);
        format!(
            "{connected} of {clients} clients connected, {lost} connections lost, {claims} sessions claimed, {errors}"
        )
    }

    /// Returns the results and begins new ones.
    pub fn take(&self) -> Recovery {
        std::mem::take(&mut *self.recovery.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn wait_ends_with_the_last_client_or_the_timeout() {
        let population = Population::default();
        let two = |counts: &ClientCounts| counts.connected == 2;
        population.registered(Duration::ZERO);
        assert!(population.wait_until(two).now_or_never().is_none());
        population.registered(Duration::ZERO);
        assert!(population.wait_until(two).now_or_never().is_some());
        population.disconnected(true);
        let begun = Instant::now();
        population.wait_until(two).await;
        assert_eq!(begun.elapsed(), STALL_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn recovery_is_from_first_loss_to_last_reconnection() {
        let population = Population::default();
        population.registered(Duration::ZERO);
        population.registered(Duration::ZERO);
        assert_eq!(population.recovery.lock().recovery_seconds(), None);
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            population.disconnected(true);
            tokio::time::advance(second).await;
        }
        population.reconnected(second, true);
        tokio::time::advance(second).await;
        population.reconnected(second, false);
        assert_eq!(population.counts(), ClientCounts { tried: 0, connected: 2, returned: 2 });
        let recovery = population.take();
        assert_eq!((recovery.lost, recovery.claims), (2, 1));
        assert_eq!(recovery.recovery_seconds(), Some(3.0));
    }
}
