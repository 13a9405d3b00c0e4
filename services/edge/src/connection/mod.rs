//! One client connection, from its first frame until its last session is over: the story of the edge.
//!
//! It waits for what comes next (a frame, a message from another task, the time), lets [`Client`]
//! decide, and does what was decided, in order. When the socket goes, it stays to keep the sessions
//! until they are claimed or over.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | what comes, and what is done about it |
//! | `claims.rs` | sessions come to it, and leave it |
//! | `orphans.rs` | sessions that are this edge's and at no connection |
//! | `saves.rs` | what it gives to the scribe |
//! | `parting.rs` | the edge stops |

mod handoff;
mod orphans;
mod persist;
mod shutdown;

use crate::mailbox;
use crate::metrics;
use crate::net::output::{BacklogFull, ClientOutput};
use crate::net::rate_limit::TokenBucket;
use crate::net::socket::{Frame, Socket, TooSlow};
use crate::persist::dirty::DirtySessions;
use crate::registry::{Inbound, InboxSender, MAX_INBOX};
use crate::session::action::Action;
use crate::session::client::{Client, Outcome};
use crate::shared::Shared;
use bus::ack_tracker::AckGuard;
use bus::message::Events;
use futures_util::FutureExt;
use protocol::{SessionId, frame, reply};
use service::CancellationToken;
use service::load::LoadGuard;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tracing::Instrument;

/// A connection and all it needs.
pub struct Connection {
    shared: Arc<Shared>,
    client: Client,
    output: ClientOutput,
    bucket: TokenBucket,
    sender: InboxSender,
    inbox: mpsc::UnboundedReceiver<Box<Inbound>>,
    /// Messages that came while a session was being claimed.
    deferred: VecDeque<Box<Inbound>>,
    dirty: DirtySessions,
    /// Its place among all that are connected, and that operators count it.
    permit: Option<(OwnedSemaphorePermit, LoadGuard)>,
    /// The edge stops.
    stop: CancellationToken,
    /// When it closes its socket because of that.
    close_at: Option<Instant>,
}

enum Event {
    Frame(Frame),
    Inbound(Box<Inbound>),
    Due,
    Shutdown,
}

impl Connection {
    /// A connection over an opened websocket.
    pub fn new(socket: Socket, place: OwnedSemaphorePermit, shared: Arc<Shared>) -> Box<Self> {
        let place = Some((place, shared.context.health.load().begin("clients")));
        let mut connection = Self::with_output(ClientOutput::Connected(Box::new(socket)), shared);
        connection.permit = place;
        connection
    }

    /// A connection whose client has been gone since then.
    pub fn disconnected(since: Instant, shared: Arc<Shared>) -> Box<Self> {
        let mut connection = Self::with_output(ClientOutput::Disconnected(BTreeMap::new()), shared);
        connection.client.set_disconnected(since);
        connection
    }

    /// In a box: a future that runs it would have it twice.
    fn with_output(outlet: ClientOutput, shared: Arc<Shared>) -> Box<Self> {
        let (route, inbox) = InboxSender::new();
        let client = Client::new(shared.context.id.clone(), shared.limits.clone(), shared.info.clone());
        Box::new(Self {
            bucket: TokenBucket::new(shared.socket_options.max_rate, Instant::now()),
            deferred: VecDeque::new(),
            dirty: DirtySessions::default(),
            permit: None,
            stop: shared.context.shutdown.child_token(),
            close_at: None,
            output: outlet,
            shared,
            client,
            sender: route,
            inbox,
        })
    }

    /// Serves the client until it and its sessions are gone.
    pub async fn run(mut self: Box<Self>) {
        while !(self.output.is_disconnected() && self.client.is_empty()) {
            let next = self.next_event().await;
            if matches!(next, Event::Shutdown) && !self.shared.context.shutdown_policy.hand_over {
                return Box::pin(self.end_sessions()).await;
            }
            // What a connection needs while it works it has only then: most of them are idle.
            Box::pin(self.handle_event(next)).await;
            self.submit_ready();
            if self.output.is_disconnected() {
                // Not before its sessions are with the scribe: an edge that stops waits for all places.
                self.permit = None;
            }
        }
    }

    async fn handle_event(&mut self, next: Event) {
        match next {
            Event::Frame(frame) => self.on_frame(frame).await,
            Event::Inbound(inbound) => self.on_inbound(*inbound).await,
            Event::Due => self.on_timer().await,
            Event::Shutdown => self.close_gracefully().await,
        }
    }

    async fn next_event(&mut self) -> Event {
        if let Some(inbound) = self.deferred.pop_front() {
            return Event::Inbound(inbound);
        }
        let due = [self.client.due(), self.dirty.due(Instant::now())].into_iter().flatten().min();
        let stops = self.shutdown_due();
        tokio::select! {
            biased;
            () = stops => Event::Shutdown,
            () = sleep_until(due) => Event::Due,
            Some(inbound) = self.inbox.recv() => Event::Inbound(inbound),
            frame = self.output.next_frame(self.bucket.available_at()) => Event::Frame(frame),
        }
    }

    async fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Text(text) => self.on_text(&text).await,
            Frame::Written => {}
            Frame::Closed => self.drop_socket(),
        }
    }

    async fn on_text(&mut self, text: &str) {
        match frame::objects(text, self.shared.socket_options.max_request) {
            Err(refusal) => {
                self.count_request();
                self.reply(reply::error(None, None, &refusal));
            }
            Ok(objects) => {
                for object in objects {
                    self.count_request();
                    let step = self.client.on_request(object, Instant::now());
                    self.handle_outcome(step).await;
                }
            }
        }
    }

    fn count_request(&mut self) {
        if !self.bucket.take(Instant::now()) {
            metrics::request_throttled();
        }
    }

    async fn handle_outcome(&mut self, step: Outcome) {
        match step {
            Outcome::Perform(acts) => self.perform(acts).await,
            Outcome::Reply(text) => self.reply(text),
            Outcome::Create(transaction, wanted, proof) => self.create(&transaction, wanted, proof).await,
            Outcome::Claim(transaction, session, proof) => self.claim(&transaction, session, proof).await,
            Outcome::AfterPersist(session, acts) => {
                self.persist_now(session).await;
                self.perform(acts).await;
            }
            Outcome::End(session, acts) => {
                self.perform(acts).await;
                self.close_session(session).await;
            }
        }
    }

    async fn on_inbound(&mut self, inbound: Inbound) {
        if self.inbox.len() > MAX_INBOX && !self.output.is_disconnected() {
            metrics::queue_full(metrics::INBOX);
            self.disconnect_slow();
        }
        match inbound {
            Inbound::Events(events, receipt) => self.on_events(events, receipt).await,
            Inbound::SurrenderToConnection(session, claimer) => {
                self.drain_socket().await;
                self.surrender(session, claimer);
            }
            Inbound::SurrenderToEdge(session, to) => {
                self.drain_socket().await;
                self.surrender_to_edge(session, to);
            }
            Inbound::Lost(session) => self.discard(session),
            Inbound::Disconnect(session, receipt) => self.disconnect_session(session, receipt).await,
            Inbound::PersistAgain(session) => self.resubmit(session),
            Inbound::Restore(session) => self.restore_records(session).await,
        }
    }

    async fn on_events(&mut self, events: Events, receipt: AckGuard) {
        let (session, now) = (events.session, Instant::now());
        if !self.client.contains(session) {
            return mailbox::deliver(events, receipt, &self.shared).await;
        }
        self.dirty.mark_received(session, [receipt], now);
        let span = events.span();
        let acts = span.in_scope(|| {
            tracing::debug!(%session, handle = %events.handle, "a client is told");
            self.client.on_events(events, now)
        });
        self.perform(acts).instrument(span).await;
    }

    /// What a client did before somebody else claimed its session happens before it.
    async fn drain_socket(&mut self) {
        while let Some(frame) = self.output.next_frame(None).now_or_never() {
            let was_text = matches!(frame, Frame::Text(_));
            self.on_frame(frame).await;
            if was_text || self.output.is_disconnected() {
                return;
            }
        }
    }

    async fn on_timer(&mut self) {
        let (over, acts) = self.client.on_timer(Instant::now());
        self.perform(acts).await;
        for session in over {
            self.close_session(session).await;
        }
    }

    async fn perform(&mut self, acts: Vec<Action>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            match act {
                Action::SendToClient(session, text) => self.send_to_client(session, text).await,
                Action::Publish(road, message, who) => {
                    if self.shared.publish(&road, &message, who).await.is_err() {
                        todo.extend(self.client.on_send_failed(who, message.id, Instant::now()));
                    }
                }
            }
        }
    }

    async fn send_to_client(&mut self, session: SessionId, text: String) {
        let told = self.output.send(session, text);
        self.on_sent(session, told).await;
    }

    /// What a client missed while it was away.
    async fn replay(&mut self, session: SessionId, text: String) {
        let told = self.output.replay(session, text);
        self.on_sent(session, told).await;
    }

    async fn on_sent(&mut self, session: SessionId, told: Result<Result<(), TooSlow>, BacklogFull>) {
        match told {
            Ok(Ok(())) if self.output.is_disconnected() => self.dirty.mark(session, Instant::now()),
            Ok(Ok(())) => {}
            Ok(Err(_slow)) => {
                metrics::queue_full(metrics::CLIENT_SOCKET);
                self.disconnect_slow();
            }
            Err(BacklogFull(session)) => {
                metrics::queue_full(metrics::CLIENT_BACKLOG);
                let acts = self.client.drop_session(session);
                Box::pin(self.perform(acts)).await;
                self.close_session(session).await;
            }
        }
    }

    fn reply(&mut self, text: String) {
        if self.output.reply(text).is_err() {
            metrics::queue_full(metrics::CLIENT_SOCKET);
            self.disconnect_slow();
        }
    }

    fn disconnect_slow(&mut self) {
        metrics::slow_client();
        tracing::warn!("a client reads too slowly and is disconnected");
        self.drop_socket();
    }

    fn drop_socket(&mut self) {
        let now = Instant::now();
        self.output.drop_socket();
        self.client.set_disconnected(now);
        self.client.session_ids().into_iter().for_each(|session| self.dirty.mark(session, now));
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
