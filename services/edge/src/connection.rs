//! One client connection, from its first frame until its last session is over: the story of the edge.
//!
//! It waits for what comes next (a frame, an event, the time), lets [`Client`] decide, and does what
//! was decided, in order. When the socket goes, it stays to keep the sessions until they are claimed
//! or over.

use crate::act::Act;
use crate::client::{Client, Step, no_such_session};
use crate::outlet::{Forgotten, Outlet};
use crate::registry::{INBOX, Inbound, Route, Surrendered};
use crate::shared::Shared;
use crate::socket::{Frame, Socket};
use directory::record::Terms;
use futures_util::FutureExt;
use protocol::error::{Refusal, SESSION_CONFLICT, UNKNOWN};
use protocol::{SessionId, frame, reply};
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How long another connection may take to give a session up.
const SURRENDER_PATIENCE: Duration = Duration::from_secs(2);

/// A connection and all it needs.
pub struct Connection {
    shared: Arc<Shared>,
    client: Client,
    outlet: Outlet,
    route: Route,
    inbox: mpsc::Receiver<Inbound>,
    /// Messages that came while a session was being claimed.
    delayed: VecDeque<Inbound>,
}

enum Next {
    Frame(Frame),
    Inbound(Inbound),
    Due,
    Stop,
}

impl Connection {
    /// A connection over an opened websocket.
    pub fn new(socket: Socket, shared: Arc<Shared>) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        let route = Route { inbox: sender, overflow: CancellationToken::new() };
        let client = Client::new(shared.context.id.clone(), shared.limits.clone(), shared.info.clone());
        let outlet = Outlet::Open(Box::new(socket));
        Self { shared, client, outlet, route, inbox, delayed: VecDeque::new() }
    }

    /// Serves the client until it and its sessions are gone.
    pub async fn run(mut self) {
        while !(self.outlet.is_away() && self.client.is_empty()) {
            match self.next().await {
                Next::Frame(Frame::Text(text)) => self.on_text(&text).await,
                Next::Frame(Frame::Closed) => self.go_away(),
                Next::Inbound(inbound) => self.on_inbound(inbound).await,
                Next::Due => self.on_time().await,
                Next::Stop => return self.stop().await,
            }
        }
    }

    async fn next(&mut self) -> Next {
        if let Some(inbound) = self.delayed.pop_front() {
            return Next::Inbound(inbound);
        }
        let due = self.client.due();
        tokio::select! {
            frame = self.outlet.frame() => Next::Frame(frame),
            Some(inbound) = self.inbox.recv() => Next::Inbound(inbound),
            () = sleep_until(due) => Next::Due,
            () = self.route.overflow.cancelled() => Next::Stop,
            () = self.shared.context.shutdown.cancelled() => Next::Stop,
        }
    }

    async fn on_text(&mut self, text: &str) {
        match frame::objects(text, self.shared.manners.max_request) {
            Err(refusal) => self.reply(reply::error(None, None, &refusal)),
            Ok(objects) => {
                for object in objects {
                    let step = self.client.on_request(object, Instant::now());
                    self.step(step).await;
                }
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Do(acts) => self.perform(acts).await,
            Step::Reply(text) => self.reply(text),
            Step::Create(transaction, wanted, proof) => self.create(&transaction, wanted, proof).await,
            Step::Claim(transaction, session, _proof) => self.claim(&transaction, session).await,
            Step::End(session, acts) => {
                self.perform(acts).await;
                self.forget(session).await;
            }
        }
    }

    async fn on_inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Events(events) => {
                let acts = self.client.on_events(*events, Instant::now());
                self.perform(acts).await;
            }
            Inbound::Surrender(session, claimer) => {
                // What the client did before somebody else claimed its session happens before it.
                match self.outlet.frame().now_or_never() {
                    Some(Frame::Text(text)) => self.on_text(&text).await,
                    Some(Frame::Closed) => self.go_away(),
                    None => {}
                }
                self.surrender(session, claimer);
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

    async fn create(&mut self, transaction: &str, wanted: Option<SessionId>, proof: Option<String>) {
        let session = wanted.unwrap_or_else(SessionId::random);
        let terms = Terms { proof: None, grace: self.shared.limits.reclaim_timeout };
        let Context { directory, id, .. } = &self.shared.context;
        match directory.open_session(session, id, &terms).await {
            Ok(true) => {
                self.client.opened(session, proof, Instant::now());
                self.shared.registry.set(session, self.route.clone());
                self.reply(reply::created(transaction, session));
            }
            Ok(false) => {
                let refusal = Refusal::new(SESSION_CONFLICT, "Session ID already in use");
                self.reply(reply::error(Some(session), Some(transaction), &refusal));
            }
            Err(error) => {
                tracing::warn!(%error, "a session could not be opened");
                let refusal =
                    Refusal::new(UNKNOWN, "The server cannot open sessions right now, please try again");
                self.reply(reply::error(None, Some(transaction), &refusal));
            }
        }
    }

    /// Gets a session from another connection of this edge. Its events come here from the first
    /// moment, and wait until the session is here too.
    async fn claim(&mut self, transaction: &str, id: SessionId) {
        let Some(owner) = self.shared.registry.take_over(id, self.route.clone()) else {
            return self.step_reply(no_such_session(transaction, id));
        };
        match self.ask_for(id, owner).await {
            Some(Surrendered { session, unheard }) => {
                self.client.claimed(session, Instant::now());
                self.reply(reply::success(id, transaction));
                for text in unheard {
                    self.tell(id, text).await;
                }
            }
            None => {
                self.shared.registry.remove(id);
                self.step_reply(no_such_session(transaction, id));
            }
        }
    }

    async fn ask_for(&mut self, id: SessionId, owner: Route) -> Option<Surrendered> {
        let (claimer, mut surrendered) = oneshot::channel();
        owner.inbox.send(Inbound::Surrender(id, claimer)).await.ok()?;
        let patience = Instant::now() + SURRENDER_PATIENCE;
        loop {
            // Two connections may claim from each other at the same moment, or one of them what the
            // other is about to get.
            tokio::select! {
                session = &mut surrendered => return session.ok(),
                Some(inbound) = self.inbox.recv() => match inbound {
                    Inbound::Surrender(other, claimer) if other != id => self.surrender(other, claimer),
                    later => self.delayed.push_back(later),
                },
                () = tokio::time::sleep_until(patience) => return None,
            }
        }
    }

    fn surrender(&mut self, id: SessionId, claimer: oneshot::Sender<Surrendered>) {
        if let Some(session) = self.client.surrender(id, Instant::now()) {
            let unheard = self.outlet.unheard(id);
            if let Err(given_up) = claimer.send(Surrendered { session, unheard }) {
                self.take_back(given_up);
            }
        }
    }

    /// The claimer has given up meanwhile: the session stays here.
    fn take_back(&mut self, Surrendered { session, unheard }: Surrendered) {
        let id = session.id;
        self.shared.registry.set(id, self.route.clone());
        self.client.restored(session);
        for text in unheard {
            let _ = self.outlet.tell(id, text);
        }
    }

    async fn perform(&mut self, acts: Vec<Act>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Tell(session, text) => self.tell(session, text).await,
                Act::Send(road, message, who) => {
                    if let Err(error) = self.shared.send(&road, &message, who).await {
                        tracing::warn!(%error, kind = message.body.kind(), handle = %who, "a message was not sent");
                        todo.extend(self.client.on_send_failed(who, message.id, Instant::now()));
                    }
                }
            }
        }
    }

    async fn tell(&mut self, session: SessionId, text: String) {
        match self.outlet.tell(session, text) {
            Ok(Ok(())) => {}
            Ok(Err(_slow)) => self.drop_slow(),
            Err(Forgotten(session)) => {
                let acts = self.client.drop_session(session);
                Box::pin(self.perform(acts)).await;
                self.forget(session).await;
            }
        }
    }

    fn reply(&mut self, text: String) {
        if self.outlet.reply(text).is_err() {
            self.drop_slow();
        }
    }

    fn step_reply(&mut self, step: Step) {
        if let Step::Reply(text) = step {
            self.reply(text);
        }
    }

    fn drop_slow(&mut self) {
        metrics::counter!("switchboard_edge_slow_clients_total").increment(1);
        tracing::warn!("a client reads too slowly and is disconnected");
        self.go_away();
    }

    fn go_away(&mut self) {
        self.outlet.go_away();
        self.client.went_away(Instant::now());
    }

    async fn forget(&mut self, session: SessionId) {
        self.shared.registry.remove(session);
        self.outlet.unheard(session);
        if let Err(error) =
            self.shared.context.directory.close_session(session, &self.shared.context.id).await
        {
            tracing::warn!(%error, %session, "a session could not be removed from the directory");
        }
    }

    /// The edge stops, or this connection has lost events: its sessions end.
    async fn stop(mut self) {
        for session in self.client.session_ids() {
            let acts = self.client.drop_session(session);
            self.perform(acts).await;
            self.forget(session).await;
        }
        if let Outlet::Open(socket) = self.outlet {
            socket.close().await;
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
