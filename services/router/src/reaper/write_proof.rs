//! Whether edges could write their heartbeats: this router could, all the time.
//!
//! A read does not prove it. A Redis that is read-only or out of memory refuses heartbeats, and answers reads and even
//! renews leases. Nor does a single write: the edges' heartbeats are from before the outage then. The gap between two
//! heartbeats is measured by Redis' clock. So it also shows that this router was suspended, that the clock was set, or that a
//! replica with older data has taken over.

use directory::Result;
use service::Context;
use std::time::Duration;
use tokio::time::Instant;

/// A longer gap between two heartbeats of this router is an outage.
const MAX_GAP: Duration = Duration::from_secs(3);

/// The proof by this router's own heartbeats.
#[derive(Default)]
pub struct WriteProof {
    since: Option<Instant>,
}

impl WriteProof {
    /// Sends a heartbeat. An error is the caller's to handle, with [`lose`](Self::lose).
    pub async fn renew(&mut self, context: &Context) -> Result<()> {
        let gap = context.directory.router_heartbeat(&context.id).await?;
        self.record(gap);
        Ok(())
    }

    /// Begins again with the next heartbeat.
    pub fn lose(&mut self) {
        self.since = None;
    }

    /// Whether there has been no outage for this long.
    pub fn has_held_for(&self, duration: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= duration)
    }

    fn record(&mut self, gap: Option<Duration>) {
        let is_continuous = gap.is_some_and(|gap| gap <= MAX_GAP);
        self.since = self.since.filter(|_| is_continuous).or_else(|| Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    async fn beat(proof: &mut WriteProof, gap: Option<Duration>) {
        advance(SECOND).await;
        proof.record(gap);
    }

    #[tokio::test(start_paused = true)]
    async fn proof_begins_again_after_each_gap() {
        let mut proof = WriteProof::default();
        assert!(!proof.has_held_for(Duration::ZERO));
        for gap in [None, Some(MAX_GAP + SECOND)] {
            beat(&mut proof, gap).await;
            assert!(proof.has_held_for(Duration::ZERO) && !proof.has_held_for(SECOND));
            beat(&mut proof, Some(SECOND)).await;
            beat(&mut proof, Some(MAX_GAP)).await;
            assert!(proof.has_held_for(2 * SECOND));
        }
        proof.lose();
        assert!(!proof.has_held_for(Duration::ZERO));
    }
}
