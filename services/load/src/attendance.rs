//! Which of many clients are there, and how long it took them: one for a run, shared by all its clients.

use crate::errors::ErrorCounts;
use crate::failed::CallError;
use crate::report::round;
use crate::times::LatencyHistogram;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// When no further client comes for so long, no more is waited for.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How many clients have come how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// They have tried to register, with whatever outcome.
    pub tried: usize,
    /// They are registered and connected now.
    pub connected: usize,
    /// How often one came back, in its session or in a new one.
    pub returned: usize,
}

/// What is told at the end.
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
    /// Seconds from the first loss of a connection until the last client was back.
    pub fn recovery_seconds(&self) -> Option<f64> {
        Some(round(self.last_return?.duration_since(self.first_lost?).as_secs_f64()))
    }
}

/// The attendance of a run.
#[derive(Default)]
pub struct Population {
    counts: watch::Sender<ClientCounts>,
    recovery: Mutex<Recovery>,
}

impl Population {
    /// A client has tried to register for the first time.
    pub fn tried(&self) {
        self.counts.send_modify(|heads| heads.tried += 1);
    }

    /// A client is registered, so long after it was to be.
    pub fn registered(&self, took: Duration) {
        self.recovery().ready.add(took);
        self.counts.send_modify(|heads| heads.connected += 1);
    }

    /// A client has no connection, or no session, any more.
    pub fn disconnected(&self, by_itself: bool) {
        let mut account = self.recovery();
        account.lost += u64::from(!by_itself);
        account.first_lost.get_or_insert_with(Instant::now);
        drop(account);
        self.counts.send_modify(|heads| heads.connected -= 1);
    }

    /// It is there again, so long after that; `claimed`: in the session that it had.
    pub fn reconnected(&self, took: Duration, claimed: bool) {
        let mut account = self.recovery();
        account.last_return = Some(Instant::now());
        if claimed {
            account.claims += 1;
            account.claim.add(took);
        }
        drop(account);
        self.counts.send_modify(|heads| {
            heads.connected += 1;
            heads.returned += 1;
        });
    }

    /// Something went wrong with a client.
    pub fn failed(&self, failed: &CallError) {
        self.recovery().errors.add(failed);
    }

    /// Waits until it is so, or nothing changes any more.
    pub async fn wait_until(&self, is_so: impl Fn(&ClientCounts) -> bool) {
        let mut heads = self.counts.subscribe();
        while !is_so(&heads.borrow_and_update()) {
            if timeout(STALL_TIMEOUT, heads.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Who is there now.
    pub fn counts(&self) -> ClientCounts {
        *self.counts.borrow()
    }

    /// What went wrong until now.
    pub fn errors(&self) -> ErrorCounts {
        self.recovery().errors.clone()
    }

    /// For whoever watches.
    pub fn status_line(&self, clients: usize) -> String {
        let there = self.counts().connected;
        let account = self.recovery();
        let (lost, claims, errors) = (account.lost, account.claims, &account.errors);
        format!(
            "{there} of {clients} clients are there, {lost} connections lost, {claims} sessions claimed, {errors}"
        )
    }

    /// The account of the run; a new one begins.
    pub fn take(&self) -> Recovery {
        std::mem::take(&mut *self.recovery())
    }

    fn recovery(&self) -> MutexGuard<'_, Recovery> {
        // It is whole after every line.
        self.recovery.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn it_is_waited_for_the_last_one_but_not_for_ever() {
        let attendance = Population::default();
        let two = |heads: &ClientCounts| heads.connected == 2;
        attendance.registered(Duration::ZERO);
        assert!(attendance.wait_until(two).now_or_never().is_none());
        attendance.registered(Duration::ZERO);
        assert!(attendance.wait_until(two).now_or_never().is_some());
        attendance.disconnected(false);
        let waited = Instant::now();
        attendance.wait_until(two).await;
        assert_eq!(waited.elapsed(), STALL_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn recovery_is_from_the_first_loss_to_the_last_return() {
        let attendance = Population::default();
        attendance.registered(Duration::ZERO);
        attendance.registered(Duration::ZERO);
        assert_eq!(attendance.recovery().recovery_seconds(), None);
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            attendance.disconnected(false);
            tokio::time::advance(second).await;
        }
        attendance.reconnected(second, true);
        tokio::time::advance(second).await;
        attendance.reconnected(second, false);
        assert_eq!(attendance.counts(), ClientCounts { tried: 0, connected: 2, returned: 2 });
        let account = attendance.take();
        assert_eq!((account.lost, account.claims), (2, 1));
        assert_eq!(account.recovery_seconds(), Some(3.0));
    }
}
