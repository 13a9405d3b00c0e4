//! Puts the messages of handles on the bus.
//!
//! A message that releases a name, abandons a call or hangs up is sent again in the background if it cannot be sent
//! now: no other service knows that the handle is gone or the call unwanted. For every other message the caller gets
//! the error.
//!
//! After a router has refused a call because of overload, the edge sheds load: it refuses new calls itself for
//! [`SHED_DURATION`]. That costs almost nothing, and leaves the machine to established calls. The media servers do not
//! run idle in that time: a backend counts as overloaded only when more work waits for it than it does in that time.

use crate::context::EdgeContext;
use crate::metrics;
use crate::session::action::Destination;
use bus::message::{Body, ClientRequest, Location, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, SendError};
use common::sync::Mutex;
use common::{ErrorLog, error_failure, warn_failure};
use protocol::HandleRef;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

static SENDING: ErrorLog = ErrorLog::new("sending messages");
static RESENDING: ErrorLog = ErrorLog::new("sending messages again");

/// How long the bus may take to accept a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RESENDS: u32 = 30;
const RESEND_INTERVAL: Duration = Duration::from_secs(1);
/// How many messages are sent again at once. Each has a name or a reason of at most 255 bytes.
const MAX_CONCURRENT_RESENDS: usize = 10_000;
/// How long the edge refuses calls after a router has refused one.
pub const SHED_DURATION: Duration = Duration::from_millis(200);

/// The sender of all messages of handles.
pub struct Publisher {
    context: Arc<EdgeContext>,
    /// Where this edge is, for calls.
    location: Location,
    load_shedder: LoadShedder,
    resends: Arc<Semaphore>,
}

impl Publisher {
    pub fn new(context: Arc<EdgeContext>, location: Location) -> Self {
        let resends = Arc::new(Semaphore::new(MAX_CONCURRENT_RESENDS));
        Self { context, location, load_shedder: LoadShedder::default(), resends }
    }

    /// Starts to shed load, because a router has refused a call for overload.
    pub fn note_overload(&self) {
        self.load_shedder.note_overload(Instant::now());
    }

    /// Sends a message of `handle`.
    ///
    /// # Errors
    /// When the bus does not accept it, or the edge sheds load.
    pub async fn publish(
        &self,
        destination: &Destination,
        message: &Message,
        handle: HandleRef,
    ) -> Result<(), SendError> {
        self.publish_in_span(destination, message, handle).instrument(message.span()).await
    }

    async fn publish_in_span(
        &self,
        destination: &Destination,
        message: &Message,
        handle: HandleRef,
    ) -> Result<(), SendError> {
        let is_release = matches!(message.body, Body::Release(_) | Body::Abandon(_));
        // An edge that was paused must not release what another edge has taken over.
        if is_release && self.context.is_owned_elsewhere(handle.session).await {
            return Ok(());
        }
        let is_call = matches!(message.body, Body::Call(_));
        let located = self.with_location(message);
        let message = located.as_ref().unwrap_or(message);
        let sent = if is_call && self.load_shedder.is_shedding(Instant::now()) {
            Err(SendError::Full)
        } else {
            send(&self.context.bus, destination, message, handle).await
        };
        if sent.is_err() && (is_release || matches!(message.body, Body::Hangup(_))) {
            self.spawn_resend(destination.clone(), message.clone(), handle);
            return Ok(());
        }
        match &sent {
            Ok(()) => {
                SENDING.succeeded();
                tracing::debug!(%handle, "sent a message");
            }
            Err(SendError::Full) => {
                if is_call {
                    metrics::call_refused();
                }
                // Only for debugging: under overload this happens often.
                tracing::debug!(%handle, "failed to send a message: the queue is full");
            }
            Err(error) => warn_failure!(SENDING, %error, %handle, "failed to send a message"),
        }
        sent
    }

    /// Returns a copy of a call with the location of this edge; none for other messages, or without a location.
    fn with_location(&self, message: &Message) -> Option<Message> {
        let Body::Call(request) = &message.body else { return None };
        if self.location.is_unspecified() {
            return None;
        }
        let request = ClientRequest { location: self.location.clone(), ..request.clone() };
        Some(Message { body: Body::Call(request), ..*message })
    }

    /// Sends a message again in the background. The task is not one of the edge's: it continues when the edge has
    /// stopped.
    fn spawn_resend(&self, destination: Destination, message: Message, handle: HandleRef) {
        let Ok(permit) = self.resends.clone().try_acquire_owned() else {
            error_failure!(RESENDING, %handle, kind = message.body.kind(), "too many messages to send again, giving up");
            return;
        };
        let bus = self.context.bus.clone();
        let resend = async move {
            let _permit = permit;
            for _ in 0..MAX_RESENDS {
                sleep(RESEND_INTERVAL).await;
                if send(&bus, &destination, &message, handle).await.is_ok() {
                    return RESENDING.succeeded();
                }
            }
            error_failure!(RESENDING, %handle, kind = message.body.kind(), "failed to send a message, giving up");
        };
        tokio::spawn(resend.in_current_span());
    }
}

async fn send(
    bus: &Bus,
    destination: &Destination,
    message: &Message,
    handle: HandleRef,
) -> Result<(), SendError> {
    let sending = async {
        match destination {
            Destination::Requests => bus.enqueue(Queue::requests_for(handle.session), message).await,
            Destination::Backend(name) => bus.post(&Mailbox::Backend(name.clone()), message).await,
        }
    };
    let too_slow = |_| SendError::Unavailable("no response in time".to_owned());
    timeout(SEND_TIMEOUT, sending).await.map_err(too_slow)?
}

/// Decides whether the edge refuses new calls.
#[derive(Default)]
struct LoadShedder {
    shedding_until: Mutex<Option<Instant>>,
}

impl LoadShedder {
    fn note_overload(&self, now: Instant) {
        *self.shedding_until.lock() = Some(now + SHED_DURATION);
    }

    fn is_shedding(&self, now: Instant) -> bool {
        self.shedding_until.lock().is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shedding_lasts_for_its_duration() {
        let (shedder, now) = (LoadShedder::default(), Instant::now());
        assert!(!shedder.is_shedding(now));
        shedder.note_overload(now);
        let is_shedding = [SHED_DURATION / 2, SHED_DURATION].map(|later| shedder.is_shedding(now + later));
        assert_eq!(is_shedding, [true, false]);
    }
}
