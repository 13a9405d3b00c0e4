//! Who waits for what a call with a peer's user has come to: requests by the call's id, and the mailbox
//! of this service that their answers come to.
//!
//! A request leaves the table when it is answered, when its time is over, and when its client goes. At
//! most [`MAX_WAITING`] wait; the next is refused. An answer nobody waits for any more is dropped: what
//! it is about undoes itself when the peer does not go on.

use crate::numbers;
use bus::message::{Body, Message, ProxyRefusal, ProxyReply};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader};
use common::CallId;
use service::canary::CanaryTarget;
use service::{Canary, CancellationToken, Context};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How many requests may wait.
const MAX_PENDING: usize = 1_024;
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// A call may go on, or not.
pub(super) type InviteOutcome = Result<(), ProxyRefusal>;

/// The requests that wait, by call.
#[derive(Default)]
pub(super) struct PendingReplies(Mutex<HashMap<CallId, oneshot::Sender<InviteOutcome>>>);

/// A place in the table; given up when dropped.
pub(super) struct Ticket {
    call: CallId,
    table: Arc<PendingReplies>,
    outcome: oneshot::Receiver<InviteOutcome>,
}

impl PendingReplies {
    /// A place for this call; none when as many wait as may.
    pub fn register(self: &Arc<Self>, call: CallId) -> Option<Ticket> {
        let mut table = self.lock();
        if table.len() >= MAX_PENDING {
            numbers::queue_full(numbers::INVITES_PENDING);
            return None;
        }
        let (told, outcome) = oneshot::channel();
        table.insert(call, told);
        numbers::set_pending_invites(table.len());
        Some(Ticket { call, table: self.clone(), outcome })
    }

    fn dispatch(&self, message: Message, canary: Option<&Canary>) {
        match message.body {
            Body::ProxyReply(answer) => self.resolve(answer),
            Body::Canary(message) => canary.into_iter().for_each(|canary| canary.received(&message)),
            other => tracing::warn!(kind = other.kind(), "not a message for a rest service"),
        }
    }

    fn resolve(&self, ProxyReply { call, refusal }: ProxyReply) {
        match self.lock().remove(&call) {
            // It may have given up just now.
            Some(waiting) => drop(waiting.send(refusal.map_or(Ok(()), Err))),
            None => tracing::debug!(%call, "nobody waits for this answer"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, oneshot::Sender<InviteOutcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What came of the call; waits for it. None when it can no longer come.
    pub async fn outcome(&mut self) -> Option<InviteOutcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        table.remove(&self.call);
        numbers::set_pending_invites(table.len());
    }
}

/// Reads the mailbox of this service until it parts; there is no next owner.
pub(super) async fn read_mailbox(
    waiting: Arc<PendingReplies>,
    canary: Option<(Canary, Duration)>,
    context: Context,
    parted: CancellationToken,
) {
    let Context { id, bus, shutdown, .. } = context;
    let mailbox = Mailbox::Rest(id);
    let Some(mut reader) = parted.run_until_cancelled(open_mailbox(&bus, &mailbox)).await else { return };
    let reading = async {
        loop {
            waiting.dispatch(reader.next().await, canary.as_ref().map(|(canary, _)| canary));
            reader.ack();
        }
    };
    let sending = async {
        if let Some((canary, interval)) = &canary {
            canary.run(&bus, &CanaryTarget::Queue(Queue::Proxies), *interval).await;
        }
    };
    let sending = shutdown.run_until_cancelled(sending);
    parted.run_until_cancelled(async { tokio::join!(reading, sending) }).await;
    drop(reader);
    if let Err(error) = bus.close(&mailbox).await {
        tracing::warn!(%error, "the mailbox was not closed; it goes by itself");
    }
}

async fn open_mailbox(bus: &Bus, mailbox: &Mailbox) -> MailboxReader {
    loop {
        match bus.open(mailbox.clone()).await {
            Ok(reader) => return reader,
            Err(error) => tracing::warn!(%error, "the mailbox of this service cannot be opened yet"),
        }
        sleep(REOPEN_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_its_request_alone() {
        let waiting = Arc::new(PendingReplies::default());
        let (one, other) = (CallId::fresh(), CallId::fresh());
        let mut first = waiting.register(one).unwrap();
        let mut second = waiting.register(other).unwrap();
        let refusal = ProxyRefusal { code: 480, text: "User bob busy".to_owned() };
        waiting.resolve(ProxyReply { call: other, refusal: Some(refusal.clone()) });
        waiting.resolve(ProxyReply { call: CallId::fresh(), refusal: None });
        waiting.resolve(ProxyReply { call: one, refusal: None });
        assert_eq!(first.outcome().await, Some(Ok(())));
        assert_eq!(second.outcome().await, Some(Err(refusal)));
    }

    #[test]
    fn the_table_is_bounded_and_whoever_goes_leaves_room() {
        let waiting = Arc::new(PendingReplies::default());
        let mut tickets: Vec<_> = (0..MAX_PENDING).map_while(|_| waiting.register(CallId::fresh())).collect();
        assert_eq!(tickets.len(), MAX_PENDING);
        assert!(waiting.register(CallId::fresh()).is_none());
        tickets.pop();
        assert!(waiting.register(CallId::fresh()).is_some());
        drop(tickets);
        assert!(waiting.lock().is_empty());
    }
}
