//! Which of many clients are there, and how long it took them: one for a run, shared by all its clients.

use crate::errors::Errors;
use crate::failed::Failed;
use crate::report::round;
use crate::times::Times;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// When no further client comes for so long, no more is waited for.
const STANDSTILL: Duration = Duration::from_secs(60);

/// How many clients have come how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// They have tried to register, with whatever outcome.
    pub tried: usize,
    /// They are registered and connected now.
    pub there: usize,
    /// How often one came back, in its session or in a new one.
    pub back: usize,
}

/// What is told at the end.
#[derive(Default)]
pub struct Account {
    pub lost: u64,
    pub claims: u64,
    pub ready: Times,
    pub claim: Times,
    pub errors: Errors,
    first_lost: Option<Instant>,
    last_back: Option<Instant>,
}

impl Account {
    /// Seconds from the first loss of a connection until the last client was back.
    pub fn recovery(&self) -> Option<f64> {
        Some(round(self.last_back?.duration_since(self.first_lost?).as_secs_f64()))
    }
}

/// The attendance of a run.
#[derive(Default)]
pub struct Attendance {
    heads: watch::Sender<Heads>,
    account: Mutex<Account>,
}

impl Attendance {
    /// A client has tried to register for the first time.
    pub fn tried(&self) {
        self.heads.send_modify(|heads| heads.tried += 1);
    }

    /// A client is registered, so long after it was to be.
    pub fn came(&self, took: Duration) {
        self.account().ready.add(took);
        self.heads.send_modify(|heads| heads.there += 1);
    }

    /// A client has no connection, or no session, any more.
    pub fn went(&self, by_itself: bool) {
        let mut account = self.account();
        account.lost += u64::from(!by_itself);
        account.first_lost.get_or_insert_with(Instant::now);
        drop(account);
        self.heads.send_modify(|heads| heads.there -= 1);
    }

    /// It is there again, so long after that; `claimed`: in the session that it had.
    pub fn came_back(&self, took: Duration, claimed: bool) {
        let mut account = self.account();
        account.last_back = Some(Instant::now());
        if claimed {
            account.claims += 1;
            account.claim.add(took);
        }
        drop(account);
        self.heads.send_modify(|heads| {
            heads.there += 1;
            heads.back += 1;
        });
    }

    /// Something went wrong with a client.
    pub fn failed(&self, failed: &Failed) {
        self.account().errors.add(failed);
    }

    /// Waits until it is so, or nothing changes any more.
    pub async fn until(&self, is_so: impl Fn(&Heads) -> bool) {
        let mut heads = self.heads.subscribe();
        while !is_so(&heads.borrow_and_update()) {
            if timeout(STANDSTILL, heads.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Who is there now.
    pub fn heads(&self) -> Heads {
        *self.heads.borrow()
    }

    /// What went wrong until now.
    pub fn errors(&self) -> Errors {
        self.account().errors.clone()
    }

    /// For whoever watches.
    pub fn words(&self, clients: usize) -> String {
        let there = self.heads().there;
        let account = self.account();
        let (lost, claims, errors) = (account.lost, account.claims, &account.errors);
        format!(
            "{there} of {clients} clients are there, {lost} connections lost, {claims} sessions claimed, {errors}"
        )
    }

    /// The account of the run; a new one begins.
    pub fn take(&self) -> Account {
        std::mem::take(&mut *self.account())
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // It is whole after every line.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn it_is_waited_for_the_last_one_but_not_for_ever() {
        let attendance = Attendance::default();
        let two = |heads: &Heads| heads.there == 2;
        attendance.came(Duration::ZERO);
        assert!(attendance.until(two).now_or_never().is_none());
        attendance.came(Duration::ZERO);
        assert!(attendance.until(two).now_or_never().is_some());
        attendance.went(false);
        let waited = Instant::now();
        attendance.until(two).await;
        assert_eq!(waited.elapsed(), STANDSTILL);
    }

    #[tokio::test(start_paused = true)]
    async fn recovery_is_from_the_first_loss_to_the_last_return() {
        let attendance = Attendance::default();
        attendance.came(Duration::ZERO);
        attendance.came(Duration::ZERO);
        assert_eq!(attendance.account().recovery(), None);
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            attendance.went(false);
            tokio::time::advance(second).await;
        }
        attendance.came_back(second, true);
        tokio::time::advance(second).await;
        attendance.came_back(second, false);
        assert_eq!(attendance.heads(), Heads { tried: 0, there: 2, back: 2 });
        let account = attendance.take();
        assert_eq!((account.lost, account.claims), (2, 1));
        assert_eq!(account.recovery(), Some(3.0));
    }
}
