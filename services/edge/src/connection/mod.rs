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

mod claims;
mod orphans;
mod parting;
mod saves;

use crate::act::Act;
use crate::client::{Client, Step};
use crate::flood::Bucket;
use crate::mailbox;
use crate::numbers;
use crate::outlet::{Forgotten, Outlet};
use crate::registry::{INBOX, Inbound, Route};
use crate::shared::Shared;
use crate::socket::{Frame, Socket, TooSlow};
use crate::unsaved::Unsaved;
use bus::ledger::Receipt;
use bus::message::Events;
use futures_util::FutureExt;
use protocol::{SessionId, frame, reply};
use service::CancellationToken;
use service::presence::UnderWay;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tracing::Instrument;

/// A connection and all it needs.
pub struct Connection {
    shared: Arc<Shared>,
    client: Client,
    outlet: Outlet,
    bucket: Bucket,
    route: Route,
    inbox: mpsc::UnboundedReceiver<Box<Inbound>>,
    /// Messages that came while a session was being claimed.
    delayed: VecDeque<Box<Inbound>>,
    unsaved: Unsaved,
    /// Its place among all that are connected, and that operators count it.
    place: Option<(OwnedSemaphorePermit, UnderWay)>,
    /// The edge stops.
    stop: CancellationToken,
    /// When it closes its socket because of that.
    parts_at: Option<Instant>,
}

enum Next {
    Frame(Frame),
    Inbound(Box<Inbound>),
    Due,
    Stop,
}

impl Connection {
    /// A connection over an opened websocket.
    pub fn new(socket: Socket, place: OwnedSemaphorePermit, shared: Arc<Shared>) -> Box<Self> {
        let place = Some((place, shared.context.health.load().begin("clients")));
        let mut connection = Self::over(Outlet::Open(Box::new(socket)), shared);
        connection.place = place;
        connection
    }

    /// A connection whose client has been gone since then.
    pub fn away(since: Instant, shared: Arc<Shared>) -> Box<Self> {
        let mut connection = Self::over(Outlet::Away(BTreeMap::new()), shared);
        connection.client.went_away(since);
        connection
    }

    /// In a box: a future that runs it would have it twice.
    fn over(outlet: Outlet, shared: Arc<Shared>) -> Box<Self> {
        let (route, inbox) = Route::new();
        let client = Client::new(shared.context.id.clone(), shared.limits.clone(), shared.info.clone());
        Box::new(Self {
            bucket: Bucket::new(shared.manners.max_rate, Instant::now()),
            delayed: VecDeque::new(),
            unsaved: Unsaved::default(),
            place: None,
            stop: shared.context.shutdown.child_token(),
            parts_at: None,
            outlet,
            shared,
            client,
            route,
            inbox,
        })
    }

    /// Serves the client until it and its sessions are gone.
    pub async fn run(mut self: Box<Self>) {
        while !(self.outlet.is_away() && self.client.is_empty()) {
            let next = self.next().await;
            if matches!(next, Next::Stop) && !self.shared.context.parting.hand_over {
                return Box::pin(self.end()).await;
            }
            // What a connection needs while it works it has only then: most of them are idle.
            Box::pin(self.on(next)).await;
            self.save();
            if self.outlet.is_away() {
                // Not before its sessions are with the scribe: an edge that stops waits for all places.
                self.place = None;
            }
        }
    }

    async fn on(&mut self, next: Next) {
        match next {
            Next::Frame(frame) => self.on_frame(frame).await,
            Next::Inbound(inbound) => self.on_inbound(*inbound).await,
            Next::Due => self.on_time().await,
            Next::Stop => self.part().await,
        }
    }

    async fn next(&mut self) -> Next {
        if let Some(inbound) = self.delayed.pop_front() {
            return Next::Inbound(inbound);
        }
        let due = [self.client.due(), self.unsaved.due(Instant::now())].into_iter().flatten().min();
        let stops = self.stops();
        tokio::select! {
            biased;
            () = stops => Next::Stop,
            () = sleep_until(due) => Next::Due,
            Some(inbound) = self.inbox.recv() => Next::Inbound(inbound),
            frame = self.outlet.frame(self.bucket.full_at()) => Next::Frame(frame),
        }
    }

    async fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Text(text) => self.on_text(&text).await,
            Frame::Written => {}
            Frame::Closed => self.go_away(),
        }
    }

    async fn on_text(&mut self, text: &str) {
        match frame::objects(text, self.shared.manners.max_request) {
            Err(refusal) => {
                self.count_request();
                self.reply(reply::error(None, None, &refusal));
            }
            Ok(objects) => {
                for object in objects {
                    self.count_request();
                    let step = self.client.on_request(object, Instant::now());
                    self.step(step).await;
                }
            }
        }
    }

    fn count_request(&mut self) {
        if !self.bucket.take(Instant::now()) {
            numbers::throttled();
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Do(acts) => self.perform(acts).await,
            Step::Reply(text) => self.reply(text),
            Step::Create(transaction, wanted, proof) => self.create(&transaction, wanted, proof).await,
            Step::Claim(transaction, session, proof) => self.claim(&transaction, session, proof).await,
            Step::DoWhenWritten(session, acts) => {
                self.write_down(session).await;
                self.perform(acts).await;
            }
            Step::End(session, acts) => {
                self.perform(acts).await;
                self.forget(session).await;
            }
        }
    }

    async fn on_inbound(&mut self, inbound: Inbound) {
        if self.inbox.len() > INBOX && !self.outlet.is_away() {
            numbers::full(numbers::INBOX);
            self.drop_slow();
        }
        match inbound {
            Inbound::Events(events, receipt) => self.on_events(events, receipt).await,
            Inbound::Surrender(session, claimer) => {
                self.catch_up().await;
                self.surrender(session, claimer);
            }
            Inbound::GiveUp(session, to) => {
                self.catch_up().await;
                self.give_up(session, to);
            }
            Inbound::Lost(session) => self.lose(session),
            Inbound::End(session, receipt) => self.disconnect(session, receipt).await,
            Inbound::Save(session) => self.save_again(session),
            Inbound::Restore(session) => self.restore(session).await,
        }
    }

    async fn on_events(&mut self, events: Events, receipt: Receipt) {
        let (session, now) = (events.session, Instant::now());
        if !self.client.has(session) {
            return mailbox::deliver(events, receipt, &self.shared).await;
        }
        self.unsaved.receive(session, [receipt], now);
        let span = events.span();
        let acts = span.in_scope(|| {
            tracing::debug!(%session, handle = %events.handle, "a client is told");
            self.client.on_events(events, now)
        });
        self.perform(acts).instrument(span).await;
    }

    /// What a client did before somebody else claimed its session happens before it.
    async fn catch_up(&mut self) {
        while let Some(frame) = self.outlet.frame(None).now_or_never() {
            let was_text = matches!(frame, Frame::Text(_));
            self.on_frame(frame).await;
            if was_text || self.outlet.is_away() {
                return;
            }
        }
    }

    async fn on_time(&mut self) {
        let (over, acts) = self.client.on_time(Instant::now());
        self.perform(acts).await;
        for session in over {
            self.forget(session).await;
        }
    }

    async fn perform(&mut self, acts: Vec<Act>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Tell(session, text) => self.tell(session, text).await,
                Act::Send(road, message, who) => {
                    if self.shared.send(&road, &message, who).await.is_err() {
                        todo.extend(self.client.on_send_failed(who, message.id, Instant::now()));
                    }
                }
            }
        }
    }

    async fn tell(&mut self, session: SessionId, text: String) {
        let told = self.outlet.tell(session, text);
        self.see_to(session, told).await;
    }

    /// What a client missed while it was away.
    async fn remind(&mut self, session: SessionId, text: String) {
        let told = self.outlet.remind(session, text);
        self.see_to(session, told).await;
    }

    async fn see_to(&mut self, session: SessionId, told: Result<Result<(), TooSlow>, Forgotten>) {
        match told {
            Ok(Ok(())) if self.outlet.is_away() => self.unsaved.note(session, Instant::now()),
            Ok(Ok(())) => {}
            Ok(Err(_slow)) => {
                numbers::full(numbers::SOCKET);
                self.drop_slow();
            }
            Err(Forgotten(session)) => {
                numbers::full(numbers::AWAY);
                let acts = self.client.drop_session(session);
                Box::pin(self.perform(acts)).await;
                self.forget(session).await;
            }
        }
    }

    fn reply(&mut self, text: String) {
        if self.outlet.reply(text).is_err() {
            numbers::full(numbers::SOCKET);
            self.drop_slow();
        }
    }

    fn drop_slow(&mut self) {
        numbers::slow();
        tracing::warn!("a client reads too slowly and is disconnected");
        self.go_away();
    }

    fn go_away(&mut self) {
        let now = Instant::now();
        self.outlet.go_away();
        self.client.went_away(now);
        self.client.session_ids().into_iter().for_each(|session| self.unsaved.note(session, now));
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
