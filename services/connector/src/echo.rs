//! Whether a backend's mailbox is open: a canary that its connector sends to itself through it.

use bus::message;
use bus::topic::Mailbox;
use common::{BackendName, ServiceId};
use service::canary::{self, CANARY_TIMEOUT};
use service::{Canary, Context};
use std::time::Duration;
use tokio::task::AbortHandle;

/// A mailbox that is being watched; dropped when it is another's.
pub struct MailboxCanary {
    sender: ServiceId,
    canary: Canary,
    task: AbortHandle,
}

impl MailboxCanary {
    /// Begins to send.
    pub fn start(context: &Context, backend: &BackendName, every: Duration) -> Self {
        let road = format!("backend:{backend}");
        let canary = Canary::new(context.health.clone(), &road, CANARY_TIMEOUT);
        let sending = tokio::spawn(send_canaries(
            context.clone(),
            Mailbox::Backend(backend.clone()),
            road,
            canary.clone(),
            every,
        ));
        Self { sender: context.id.clone(), canary, task: sending.abort_handle() }
    }

    /// One was read. A former connector's mean nothing.
    pub fn on_received(&self, canary: &message::Canary) {
        if canary.from == self.sender {
            self.canary.heard(canary.number);
        }
    }
}

impl Drop for MailboxCanary {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send_canaries(context: Context, mailbox: Mailbox, road: String, canary: Canary, every: Duration) {
    let send = |number| {
        let message = canary::message(&context.id, &road, number);
        let (context, mailbox) = (&context, &mailbox);
        async move {
            // One that is not sent is missed like one that is lost.
            let _ = context.bus.post(mailbox, &message).await;
        }
    };
    canary.keep_sending(every, send).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::Bus;
    use bus::message::Body;
    use directory::Directory;
    use service::{CancellationToken, Health, ShutdownPolicy};

    const EVERY: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_mailbox_that_nobody_reads_is_told() {
        let (bus, backend) = (Bus::memory(), BackendName::from("a"));
        let context = Context {
            id: ServiceId::fresh("connector"),
            bus: bus.clone(),
            directory: Directory::memory(),
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: EVERY, hand_over: true },
        };
        let mut mailbox = bus.open(Mailbox::Backend(backend.clone())).await.unwrap();
        let echo = MailboxCanary::start(&context, &backend, EVERY);
        let complaints = || context.health.reasons().into_iter().map(|(what, _)| what).collect::<Vec<_>>();
        assert_eq!(complaints(), ["canary backend:a"]);
        for _ in 0..10 {
            let Body::Canary(canary) = mailbox.next().await.body else { panic!("no canary") };
            echo.on_received(&canary);
            assert_eq!(complaints(), [""; 0]);
        }
        tokio::time::sleep(CANARY_TIMEOUT + 2 * EVERY).await;
        assert_eq!(complaints(), ["canary backend:a"]);
        drop(echo);
        tokio::task::yield_now().await;
        assert_eq!(complaints(), [""; 0]);
    }
}
