//! The task of one client connection, from its first frame until its last session has ended.
//!
//! It waits for the next event (a frame, a message from another task, a timer), lets [`Client`] decide, and performs
//! the actions in order. When the socket is closed, the task keeps the sessions until they are claimed or end.

mod actions;
mod disconnect;
mod handoff;
mod input;
mod persist;
mod requests;
mod shutdown;

use crate::client_memory::MemoryShare;
use crate::components::Components;
use crate::metrics;
use crate::net::address::state::AddressState;
use crate::net::address::table::AddressPlace;
use crate::net::allowance::Allowance;
use crate::net::closing::{CloseReason, Lingering};
use crate::net::output::{ClientOutput, NotSent};
use crate::net::socket::{Frame, Socket};
use crate::persist::dirty::DirtySessions;
use crate::registry::{Inbound, Inbox, InboxSender};
use crate::session::client::{Client, Outcome};
use bus::ack_tracker::AckGuard;
use bus::message::Events;
use common::time::sleep_until;
use futures_util::FutureExt;
use protocol::{SessionId, frame, reply};
use requests::RequestTurns;
use service::{CancellationToken, ClientAddress, LoadGuard};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// How often a connection looks again whether waiting requests may be sent, beside the replies that make room for them.
const TURN_INTERVAL: Duration = Duration::from_secs(1);

/// A connection, with or without a socket.
pub struct Connection {
    parts: Arc<Components>,
    client: Client,
    /// Where the client comes from; none if this connection never had a socket.
    address: Option<ClientAddress>,
    output: ClientOutput,
    allowance: Allowance,
    turns: RequestTurns,
    /// Sends to `inbox`.
    sender: InboxSender,
    inbox: Inbox,
    /// Messages that came while a session was being claimed.
    deferred: VecDeque<Box<Inbound>>,
    dirty: DirtySessions,
    /// What waits for the connection and on its handles.
    memory: MemoryShare,
    /// Since when the connection has had no session.
    idle_since: Instant,
    /// Counts the client among those that are connected.
    permit: Option<(OwnedSemaphorePermit, LoadGuard, AddressPlace)>,
    /// The connection of a websocket that has ended.
    lingering: Option<Lingering>,
    shutdown: CancellationToken,
    /// Until when nothing is read, because the client has shown wrong secrets.
    paused_until: Option<Instant>,
    /// When the socket is closed because of the shutdown.
    close_at: Option<Instant>,
}

enum Event {
    Frame(Frame),
    Inbound(Box<Inbound>),
    Timer,
    /// Requests that waited for their turn may be sent.
    Turn,
    Shutdown,
}

impl Connection {
    pub fn new(
        socket: Socket,
        place: AddressPlace,
        permit: OwnedSemaphorePermit,
        parts: Arc<Components>,
    ) -> Box<Self> {
        let load = parts.context.health.load().begin("clients");
        let mut connection =
            Self::with_output(ClientOutput::Connected(Box::new(socket)), place.state(), parts);
        connection.address = Some(place.address());
        connection.permit = Some((permit, load, place));
        connection
    }

    /// A connection without a socket, for orphaned sessions.
    fn disconnected(since: Instant, parts: Arc<Components>) -> Box<Self> {
        let output = ClientOutput::disconnected(&parts.context.client_memory);
        let mut connection = Self::with_output(output, None, parts);
        connection.client.set_disconnected(since);
        connection
    }

    /// Boxed, because the future of [`run`](Self::run) would hold it twice.
    fn with_output(
        output: ClientOutput,
        address: Option<Arc<AddressState>>,
        parts: Arc<Components>,
    ) -> Box<Self> {
        let context = &parts.context;
        let (sender, inbox) = InboxSender::new();
        Box::new(Self {
            client: Client::new(context.id.clone(), context.limits.clone(), context.server_info.clone()),
            address: None,
            output,
            allowance: Allowance::new(&context.fair_use, address, Instant::now()),
            turns: RequestTurns::new(context.fair_use.max_concurrent_requests),
            sender,
            inbox,
            deferred: VecDeque::new(),
            dirty: DirtySessions::default(),
            memory: context.client_memory.share(),
            idle_since: Instant::now(),
            permit: None,
            lingering: None,
            shutdown: context.shutdown.child_token(),
            paused_until: None,
            close_at: None,
            parts,
        })
    }

    /// Serves the client until its socket and its sessions are gone.
    pub async fn run(mut self: Box<Self>) {
        while !(self.output.is_disconnected() && self.client.is_empty()) {
            let event = self.next_event().await;
            if matches!(event, Event::Shutdown) && !self.parts.context.shutdown_policy.hand_over {
                return Box::pin(self.end_sessions()).await;
            }
            // Boxed, so that an idle connection does not hold the memory that handling an event needs.
            let span = self.span();
            Box::pin(self.handle_event(event)).instrument(span).await;
            self.update_limits();
            self.submit_ready();
            if self.output.is_disconnected() {
                // After the sessions are submitted: the shutdown waits for all permits, and then for the writer.
                self.release_socket();
            }
        }
        self.send_waiting().await;
    }

    /// The span of what the connection does. Made for each event, so that idle connections hold none.
    fn span(&self) -> Span {
        self.address.map_or_else(Span::none, |client| tracing::info_span!("connection", %client))
    }

    async fn next_event(&mut self) -> Event {
        if let Some(inbound) = self.deferred.pop_front() {
            return Event::Inbound(inbound);
        }
        let timers = [self.client.next_timer(), self.dirty.next_timer(Instant::now()), self.idle_deadline()];
        let timer = timers.into_iter().flatten().min();
        let shutdown = self.shutdown_due();
        let now = Instant::now();
        let turn_at = self.turns.next_at(&self.allowance, now);
        // While requests wait, no further ones are read.
        let read_at = self.allowance.available_at(now).max(turn_at.map(|_| now + TURN_INTERVAL));
        let read_at = read_at.max(self.paused_until.filter(|until| *until > now));
        let turn = async {
            sleep_until(turn_at).await;
            self.turns.turn(&self.allowance).await;
        };
        tokio::select! {
            biased;
            () = shutdown => Event::Shutdown,
            () = sleep_until(timer) => Event::Timer,
            Some(inbound) = self.inbox.recv() => Event::Inbound(inbound),
            () = turn => Event::Turn,
            frame = self.output.next_frame(read_at) => Event::Frame(frame),
        }
    }

    async fn handle_event(&mut self, event: Event) {
        match event {
            Event::Frame(frame) => self.on_frame(frame).await,
            Event::Inbound(inbound) => self.on_inbound(*inbound).await,
            Event::Timer => self.on_timer().await,
            Event::Turn => self.take_turn().await,
            Event::Shutdown => self.close_gracefully(),
        }
    }

    async fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Text(text) => self.on_text(&text).await,
            Frame::Others(count) => self.allowance.take_frames(count, Instant::now()),
            Frame::Written => {}
            Frame::Closed => self.drop_socket(),
        }
    }

    async fn on_text(&mut self, text: &str) {
        self.allowance.take_bytes(text.len(), Instant::now());
        match frame::objects(text, self.input_limits().max_request) {
            Err(error) => {
                self.allowance.take_request(Instant::now());
                self.reply(reply::error(None, None, &error));
            }
            Ok(objects) => {
                for object in objects {
                    self.allowance.take_request(Instant::now());
                    self.client.set_allowance(self.memory.allowance());
                    let outcome = self.client.on_request(object, Instant::now());
                    self.handle_outcome(outcome).await;
                }
                self.client.set_barred(false);
            }
        }
    }

    async fn handle_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Perform(actions) => self.perform(actions).await,
            Outcome::Reply(text) => self.reply(text),
            Outcome::Refuse(text, reason) => self.refuse(text, reason),
            Outcome::Create { transaction, wanted, token_digest } => {
                self.create(&transaction, wanted, token_digest).await;
            }
            Outcome::Claim { transaction, session, token_digest } => {
                self.claim(&transaction, session, token_digest).await;
            }
            Outcome::AfterPersist(session, actions) => {
                self.persist_now(session).await;
                self.perform(actions).await;
            }
            Outcome::End(session, actions) => {
                self.perform(actions).await;
                self.close_session(session).await;
            }
        }
    }

    async fn on_inbound(&mut self, inbound: Inbound) {
        let is_open = !self.output.is_disconnected() && !self.output.is_closing();
        if self.inbox.is_full() && is_open {
            self.disconnect_slow(metrics::INBOX);
        }
        match inbound {
            Inbound::Events(events, guard) => {
                self.inbox.handled(&events);
                self.on_events(events, guard).await;
            }
            Inbound::SurrenderToConnection(session, claimer) => {
                self.drain_socket().await;
                self.send_waiting().await;
                self.surrender(session, claimer);
            }
            Inbound::SurrenderToEdge(session, to) => {
                self.drain_socket().await;
                self.send_waiting().await;
                self.surrender_to_edge(session, to);
            }
            Inbound::Lost(session) => self.discard(session),
            Inbound::Disconnect(session, guard) => self.disconnect_session(session, guard).await,
            Inbound::PersistAgain(session) => self.persist_again(session),
            Inbound::Restore(session) => self.restore_records(session).await,
        }
    }

    async fn on_events(&mut self, events: Events, guard: AckGuard) {
        let (session, now) = (events.session, Instant::now());
        if let Some(request) = events.in_reply_to {
            self.turns.finished(request);
        }
        if !self.client.contains(session) {
            return self.parts.delivery.deliver(events, guard).await;
        }
        self.client.set_allowance(self.memory.allowance());
        self.dirty.mark_received(session, [guard], now);
        let span = events.span();
        let actions = span.in_scope(|| {
            tracing::debug!(%session, handle = %events.handle, "received events");
            self.client.on_events(events, now)
        });
        self.perform(actions).instrument(span).await;
    }

    /// Handles the frames that the client sent before its session was claimed.
    async fn drain_socket(&mut self) {
        while let Some(frame) = self.output.next_frame(None).now_or_never() {
            let was_input = matches!(frame, Frame::Text(_) | Frame::Others(_));
            self.on_frame(frame).await;
            if was_input || self.output.is_disconnected() {
                return;
            }
        }
    }

    async fn on_timer(&mut self) {
        if self.idle_deadline().is_some_and(|at| at <= Instant::now()) {
            self.output.close(CloseReason::NoSession);
        }
        let (expired, actions) = self.client.on_timer(Instant::now());
        self.perform(actions).await;
        for session in expired {
            self.close_session(session).await;
        }
    }

    async fn send_to_client(&mut self, session: SessionId, text: String) {
        self.allowance.take_bytes(text.len(), Instant::now());
        let sent = self.output.send(session, text);
        self.on_sent(session, sent).await;
    }

    /// Sends a message that the client missed while it was disconnected.
    async fn replay(&mut self, session: SessionId, text: String) {
        let sent = self.output.replay(session, text);
        self.on_sent(session, sent).await;
    }

    async fn on_sent(&mut self, session: SessionId, sent: Result<(), NotSent>) {
        match sent {
            Ok(()) if self.output.is_disconnected() => self.dirty.mark(session, Instant::now()),
            Ok(()) => {}
            Err(NotSent::TooSlow) => self.disconnect_slow(metrics::CLIENT_SOCKET),
            Err(NotSent::BacklogFull) => {
                metrics::queue_full(metrics::CLIENT_BACKLOG);
                let actions = self.client.drop_session(session, Instant::now());
                Box::pin(self.perform(actions)).await;
                self.close_session(session).await;
            }
        }
    }

    fn reply(&mut self, text: String) {
        if self.output.reply(text).is_err() {
            self.disconnect_slow(metrics::CLIENT_SOCKET);
        }
    }
}
