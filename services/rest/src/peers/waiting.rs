//! Who waits for what a call with a peer's user has come to: requests by the call's id, and the mailbox
//! of this service that their answers come to.
//!
//! A request leaves the table when it is answered, when its time is over, and when its client goes. At
//! most [`MAX_WAITING`] wait; the next is refused. An answer nobody waits for any more is dropped: what
//! it is about undoes itself when the peer does not go on.

use super::echo::Echo;
use crate::numbers;
use bus::message::{Body, Message, PeerAnswer, PeerRefusal};
use bus::topic::Mailbox;
use bus::{Bus, MailboxReader};
use protocol::CallId;
use service::{CancellationToken, Context};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How many requests may wait.
const MAX_WAITING: usize = 1_024;
const PAUSE: Duration = Duration::from_secs(1);

/// A call may go on, or not.
pub(super) type Outcome = Result<(), PeerRefusal>;

/// The requests that wait, by call.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<CallId, oneshot::Sender<Outcome>>>);

/// A place in the table; given up when dropped.
pub(super) struct Ticket {
    call: CallId,
    table: Arc<Waiting>,
    outcome: oneshot::Receiver<Outcome>,
}

impl Waiting {
    /// A place for this call; none when as many wait as may.
    pub fn enter(self: &Arc<Self>, call: CallId) -> Option<Ticket> {
        let mut table = self.table();
        if table.len() >= MAX_WAITING {
            numbers::full(numbers::PEERS_WAITING);
            return None;
        }
        let (told, outcome) = oneshot::channel();
        table.insert(call, told);
        numbers::waiting(table.len());
        Some(Ticket { call, table: self.clone(), outcome })
    }

    fn take(&self, message: Message, echo: &Echo) {
        match message.body {
            Body::PeerAnswer(answer) => self.tell(answer),
            Body::Canary(canary) => echo.heard(&canary),
            other => tracing::warn!(kind = other.kind(), "not a message for a rest service"),
        }
    }

    fn tell(&self, PeerAnswer { call, refusal }: PeerAnswer) {
        match self.table().remove(&call) {
            // It may have given up just now.
            Some(waiting) => drop(waiting.send(refusal.map_or(Ok(()), Err))),
            None => tracing::debug!(%call, "nobody waits for this answer"),
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<CallId, oneshot::Sender<Outcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What came of the call; waits for it. None when it can no longer come.
    pub async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.table.table();
        table.remove(&self.call);
        numbers::waiting(table.len());
    }
}

/// Reads the mailbox of this service until it parts; there is no next owner.
pub(super) async fn read(waiting: Arc<Waiting>, echo: Echo, context: Context, parted: CancellationToken) {
    let Context { id, bus, shutdown, .. } = context;
    let mailbox = Mailbox::Rest(id);
    let Some(mut reader) = parted.run_until_cancelled(open(&bus, &mailbox)).await else { return };
    let reading = async {
        loop {
            waiting.take(reader.next().await, &echo);
            reader.done();
        }
    };
    let singing = shutdown.run_until_cancelled(echo.sing(&bus));
    parted.run_until_cancelled(async { tokio::join!(reading, singing) }).await;
    drop(reader);
    if let Err(error) = bus.close(&mailbox).await {
        tracing::warn!(%error, "the mailbox was not closed; it goes by itself");
    }
}

async fn open(bus: &Bus, mailbox: &Mailbox) -> MailboxReader {
    loop {
        match bus.open(mailbox.clone()).await {
            Ok(reader) => return reader,
            Err(error) => tracing::warn!(%error, "the mailbox of this service cannot be opened yet"),
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_its_request_alone() {
        let waiting = Arc::new(Waiting::default());
        let (one, other) = (CallId::fresh(), CallId::fresh());
        let mut first = waiting.enter(one).unwrap();
        let mut second = waiting.enter(other).unwrap();
        let refusal = PeerRefusal { code: 480, text: "User bob busy".to_owned() };
        waiting.tell(PeerAnswer { call: other, refusal: Some(refusal.clone()) });
        waiting.tell(PeerAnswer { call: CallId::fresh(), refusal: None });
        waiting.tell(PeerAnswer { call: one, refusal: None });
        assert_eq!(first.outcome().await, Some(Ok(())));
        assert_eq!(second.outcome().await, Some(Err(refusal)));
    }

    #[test]
    fn the_table_is_bounded_and_whoever_goes_leaves_room() {
        let waiting = Arc::new(Waiting::default());
        let mut tickets: Vec<_> = (0..MAX_WAITING).map_while(|_| waiting.enter(CallId::fresh())).collect();
        assert_eq!(tickets.len(), MAX_WAITING);
        assert!(waiting.enter(CallId::fresh()).is_none());
        tickets.pop();
        assert!(waiting.enter(CallId::fresh()).is_some());
        drop(tickets);
        assert!(waiting.table().is_empty());
    }
}
