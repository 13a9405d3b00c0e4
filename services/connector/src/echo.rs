//! Whether a backend's mailbox is open: a canary that its connector sends to itself through it.

use bus::message;
use bus::topic::Mailbox;
use protocol::{BackendName, ServiceId};
use service::canary::{self, PATIENCE};
use service::{Canary, Context};
use std::time::Duration;
use tokio::task::AbortHandle;

/// A mailbox that is being watched; dropped when it is another's.
pub struct Echo {
    own: ServiceId,
    canary: Canary,
    sending: AbortHandle,
}

impl Echo {
    /// Begins to send.
    pub fn start(context: &Context, backend: &BackendName, every: Duration) -> Self {
        let road = format!("backend:{backend}");
        let canary = Canary::new(context.health.clone(), &road, PATIENCE);
        let sending = tokio::spawn(sing(
            context.clone(),
            Mailbox::Backend(backend.clone()),
            road,
            canary.clone(),
            every,
        ));
        Self { own: context.id.clone(), canary, sending: sending.abort_handle() }
    }

    /// One was read. A former connector's mean nothing.
    pub fn heard(&self, canary: &message::Canary) {
        if canary.from == self.own {
            self.canary.heard(canary.number);
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

async fn sing(context: Context, mailbox: Mailbox, road: String, canary: Canary, every: Duration) {
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
    use service::{CancellationToken, Health, Parting};

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
            parting: Parting { bound: EVERY, hand_over: true },
        };
        let mut mailbox = bus.open(Mailbox::Backend(backend.clone())).await.unwrap();
        let echo = Echo::start(&context, &backend, EVERY);
        let complaints = || context.health.complaints().into_iter().map(|(what, _)| what).collect::<Vec<_>>();
        assert_eq!(complaints(), ["canary backend:a"]);
        for _ in 0..10 {
            let Body::Canary(canary) = mailbox.next().await.body else { panic!("no canary") };
            echo.heard(&canary);
            assert_eq!(complaints(), [""; 0]);
        }
        tokio::time::sleep(PATIENCE + 2 * EVERY).await;
        assert_eq!(complaints(), ["canary backend:a"]);
        drop(echo);
        tokio::task::yield_now().await;
        assert_eq!(complaints(), [""; 0]);
    }
}
