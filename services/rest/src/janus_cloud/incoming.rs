//! `POST /plugins/videocall/{username}`: a janus-cloud user calls a user of this cluster. The caller's proxy requests
//! that the callee be registered on a Janus server of its choice, as between proxies of janus-cloud 1.0.0. The request
//! is passed to the routers, which find the user and the server. The reply comes to this service's mailbox.
//!
//! A request that waits for its reply is in a table, by call. It leaves the table when its reply arrives, when it times
//! out, and when its client disconnects. Requests beyond [`MAX_PENDING`] are refused. A late reply is dropped: the call
//! is undone when the proxy does not continue.

use super::params::{Params, missing_keys, text, username};
use super::response::{JanusCloudError, success};
use crate::metrics;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use bus::message::{Body, Deadline, Invite, Message, ProxyRefusal, ProxyReply};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, MailboxReader};
use common::clock::unix_micros;
use common::sync::Mutex;
use common::{CallId, ErrorLog, MessageId, warn_failure};
use protocol::SessionId;
use protocol::videocall::MAX_USERNAME;
use service::canary::CanaryTarget;
use service::{Canary, CancellationToken, Context};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

static OPENING: ErrorLog = ErrorLog::new("opening the mailbox of this service");
static UNKNOWN_KIND: ErrorLog = ErrorLog::new("understanding messages");

/// How long a proxy waits for its response.
const INVITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest URL of a Janus server, in characters.
const MAX_URL: usize = 1024;
const MAX_PENDING: usize = 1_024;
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// The state of the handler.
#[derive(Clone)]
pub(super) struct InviteState {
    pub context: Context,
    pub pending: Arc<PendingReplies>,
}

/// Whether a call may continue.
type InviteOutcome = Result<(), ProxyRefusal>;

#[derive(Default)]
pub(super) struct PendingReplies(Mutex<HashMap<CallId, oneshot::Sender<InviteOutcome>>>);

/// An entry of the table, removed on drop.
struct Ticket {
    call: CallId,
    table: Arc<PendingReplies>,
    outcome: oneshot::Receiver<InviteOutcome>,
}

pub(super) async fn invite(
    State(state): State<InviteState>,
    callee: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, JanusCloudError> {
    let Path(callee) = callee?;
    let (caller, backend_url) = fields(&params)?;
    if callee.len() > MAX_USERNAME {
        return Err(JanusCloudError::no_such_user(&callee));
    }
    let rest = state.context.id.clone();
    let requested_at = Some(unix_micros());
    let outcome = request_invite(&state, Invite { rest, caller, callee, backend_url, requested_at }).await;
    let status = outcome.as_ref().map_or_else(JanusCloudError::status_code, |()| 200);
    metrics::count_invite(status);
    outcome.map(|()| success())
}

fn fields(params: &Params) -> Result<(String, String), JanusCloudError> {
    let caller = username(params, "caller_username")?;
    let url = text(params, "backend_server_url", MAX_URL)?;
    caller.zip(url).ok_or_else(|| missing_keys(params, &["caller_username", "backend_server_url"]))
}

async fn request_invite(state: &InviteState, invite: Invite) -> Result<(), JanusCloudError> {
    let id = MessageId::fresh();
    let mut ticket = state.pending.register(id.into()).ok_or_else(JanusCloudError::too_many)?;
    let message = Message { id, deadline: Some(Deadline::after(INVITE_TIMEOUT)), body: Body::Invite(invite) };
    let reply = async {
        state.context.bus.enqueue(request_queue(id), &message).await?;
        ticket.outcome().await.ok_or_else(JanusCloudError::timed_out)?.map_err(JanusCloudError::from)
    };
    timeout(INVITE_TIMEOUT, reply).await.unwrap_or_else(|_| Err(JanusCloudError::timed_out()))
}

/// Returns the queue of any shard: each can handle the request.
fn request_queue(id: MessageId) -> Queue {
    // The low bits of the id are random.
    Queue::requests_for(SessionId(id.0.as_u128() as u64))
}

impl PendingReplies {
    /// Adds an entry for this call; returns none if the table is full.
    fn register(self: &Arc<Self>, call: CallId) -> Option<Ticket> {
        let mut table = self.0.lock();
        if table.len() >= MAX_PENDING {
            metrics::queue_full(metrics::INVITES_PENDING);
            return None;
        }
        let (sender, outcome) = oneshot::channel();
        table.insert(call, sender);
        metrics::set_pending_invites(table.len());
        Some(Ticket { call, table: self.clone(), outcome })
    }

    fn dispatch(&self, message: Message, canary: Option<&Canary>) {
        match message.body {
            Body::ProxyReply(reply) => self.resolve(reply),
            Body::Canary(message) => canary.into_iter().for_each(|canary| canary.received(&message)),
            other => {
                warn_failure!(
                    UNKNOWN_KIND,
                    kind = other.kind(),
                    "unexpected message in the mailbox of a rest service"
                )
            }
        }
    }

    fn resolve(&self, ProxyReply { call, refusal }: ProxyReply) {
        match self.0.lock().remove(&call) {
            // The request may have timed out just now.
            Some(sender) => drop(sender.send(refusal.map_or(Ok(()), Err))),
            None => tracing::debug!(%call, "dropped a late reply"),
        }
    }
}

impl Ticket {
    /// Waits for the outcome of the call. Returns none if another request for the same call replaced this one.
    async fn outcome(&mut self) -> Option<InviteOutcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.table.0.lock();
        table.remove(&self.call);
        metrics::set_pending_invites(table.len());
    }
}

/// Reads the mailbox of this service until it stops, then deletes it: a mailbox of a rest service has no next owner.
pub(super) async fn read_mailbox(
    pending: Arc<PendingReplies>,
    canary: Option<(Canary, Duration)>,
    context: Context,
    stopped: CancellationToken,
) {
    let Context { id, bus, shutdown, .. } = context;
    let mailbox = Mailbox::Rest(id);
    let Some(mut reader) = stopped.run_until_cancelled(open_mailbox(&bus, &mailbox)).await else { return };
    let read = async {
        loop {
            pending.dispatch(reader.next().await, canary.as_ref().map(|(canary, _)| canary));
            reader.ack();
        }
    };
    let send_canaries = async {
        if let Some((canary, interval)) = &canary {
            canary.run(&bus, &CanaryTarget::Queue(Queue::Proxies), *interval).await;
        }
    };
    let send_canaries = Box::pin(shutdown.run_until_cancelled(send_canaries));
    stopped.run_until_cancelled(async { tokio::join!(read, send_canaries) }).await;
    drop(reader);
    if let Err(error) = bus.close(&mailbox).await {
        tracing::warn!(%error, "failed to delete the mailbox, it will expire");
    }
}

async fn open_mailbox(bus: &Bus, mailbox: &Mailbox) -> MailboxReader {
    loop {
        match bus.open(mailbox.clone()).await {
            Ok(reader) => {
                OPENING.succeeded();
                return reader;
            }
            Err(error) => {
                warn_failure!(OPENING, %error, "failed to open the mailbox of this service, retrying")
            }
        }
        sleep(REOPEN_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reply_reaches_its_request_only() {
        let pending = Arc::new(PendingReplies::default());
        let (one, other) = (CallId::fresh(), CallId::fresh());
        let mut first = pending.register(one).unwrap();
        let mut second = pending.register(other).unwrap();
        let refusal = ProxyRefusal { code: 480, text: "User bob busy".to_owned() };
        pending.resolve(ProxyReply { call: other, refusal: Some(refusal.clone()) });
        pending.resolve(ProxyReply { call: CallId::fresh(), refusal: None });
        pending.resolve(ProxyReply { call: one, refusal: None });
        assert_eq!(first.outcome().await, Some(Ok(())));
        assert_eq!(second.outcome().await, Some(Err(refusal)));
    }

    #[test]
    fn table_is_bounded_and_dropped_tickets_leave_room() {
        let pending = Arc::new(PendingReplies::default());
        let mut tickets: Vec<_> = (0..MAX_PENDING).map_while(|_| pending.register(CallId::fresh())).collect();
        assert_eq!(tickets.len(), MAX_PENDING);
        assert!(pending.register(CallId::fresh()).is_none());
        tickets.pop();
        assert!(pending.register(CallId::fresh()).is_some());
        drop(tickets);
        assert!(pending.0.lock().is_empty());
    }
}
