//! Performs the actions that the state machine decided. Requests to the routers wait for their turn.

use super::Connection;
use super::requests::Outbound;
use crate::session::action::Action;
use std::collections::VecDeque;
use tokio::time::Instant;

impl Connection {
    pub(super) async fn perform(&mut self, actions: Vec<Action>) {
        let mut remaining = VecDeque::from(actions);
        while let Some(action) = remaining.pop_front() {
            match action {
                Action::SendToClient(session, text) => self.send_to_client(session, text).await,
                Action::Publish(destination, message, handle) => {
                    let outbound = Outbound { destination, message, handle };
                    if let Some(outbound) = self.turns.start(outbound, &mut self.allowance, Instant::now()) {
                        remaining.extend(self.publish(outbound).await);
                    }
                }
            }
        }
    }

    /// Sends the requests whose turn it is.
    pub(super) async fn take_turn(&mut self) {
        while let Some(outbound) = self.turns.next(&mut self.allowance, Instant::now()) {
            let actions = self.publish(outbound).await;
            self.perform(actions).await;
        }
    }

    /// Sends all waiting requests at once, because their sessions leave.
    pub(super) async fn send_waiting(&mut self) {
        for outbound in self.turns.take_waiting() {
            let actions = self.publish(outbound).await;
            self.perform(actions).await;
        }
    }

    async fn publish(&mut self, outbound: Outbound) -> Vec<Action> {
        let Outbound { destination, message, handle } = outbound;
        if self.parts.publisher.publish(&destination, &message, handle).await.is_ok() {
            return Vec::new();
        }
        self.turns.finished(message.id);
        self.client.on_send_failed(handle, message.id, Instant::now())
    }
}
