//! Whose turn it is to call: everybody's at once, or, at a given rate, that of the pair that has waited longest.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// Turns for all pairs of a run.
pub enum Pacer {
    /// Each calls again as soon as it can, once the run has begun.
    Unlimited(watch::Sender<bool>),
    /// Each waits here for its turn.
    Rated(Mutex<VecDeque<oneshot::Sender<()>>>),
}

impl Pacer {
    /// As many as each can.
    pub fn unlimited() -> Self {
        Self::Unlimited(watch::Sender::new(false))
    }

    /// Only as they are given.
    pub fn rated() -> Self {
        Self::Rated(Mutex::default())
    }

    /// The run begins.
    pub fn start(&self) {
        if let Self::Unlimited(begun) = self {
            begun.send_replace(true);
        }
    }

    /// Gives a turn; whether there was a pair that waited for one.
    pub fn grant(&self) -> bool {
        let Self::Rated(line) = self else { return false };
        loop {
            match lock(line).pop_front() {
                // One that is gone meanwhile does not take it.
                Some(pair) => {
                    if pair.send(()).is_ok() {
                        return true;
                    }
                }
                None => return false,
            }
        }
    }

    /// Waits for a turn.
    pub async fn next(&self) {
        match self {
            Self::Unlimited(begun) => {
                let _ = begun.subscribe().wait_for(|begun| *begun).await;
            }
            Self::Rated(line) => {
                let (pair, turn) = oneshot::channel();
                lock(line).push_back(pair);
                if turn.await.is_err() {
                    std::future::pending().await
                }
            }
        }
    }
}

fn lock(line: &Mutex<VecDeque<oneshot::Sender<()>>>) -> MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_turn_goes_to_who_has_waited_longest_and_is_still_there() {
        let turns = Pacer::rated();
        assert!(!turns.grant(), "nobody waits");
        let (mut gone, mut first, mut second) =
            (Box::pin(turns.next()), Box::pin(turns.next()), Box::pin(turns.next()));
        for waits in [&mut gone, &mut first, &mut second] {
            assert!(waits.now_or_never().is_none());
        }
        drop(gone);
        assert!(turns.grant());
        assert!(second.as_mut().now_or_never().is_none() && first.as_mut().now_or_never().is_some());
        assert!(turns.grant() && !turns.grant());
    }

    #[test]
    fn without_a_rate_all_begin_together() {
        let turns = Pacer::unlimited();
        assert!(turns.next().now_or_never().is_none());
        turns.start();
        assert!(turns.next().now_or_never().is_some() && turns.next().now_or_never().is_some());
    }
}
