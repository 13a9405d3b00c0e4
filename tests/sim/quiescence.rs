//! Checks when nothing has happened for a while, and at the end of a run.

use super::client::{Call, Client};
use super::cluster::{BACKENDS, Kind};
use super::simulation::Simulation;
use bus::message::Body;
use bus::topic::{Log, Mailbox, Queue};
use bus::{MAX_DELIVERIES, REDELIVER_AFTER};
use directory::record::Call as Record;
use std::time::Duration;
use tokio::time::Instant;

/// Time limit for a call to end on both sides.
const CALL_END_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for recovery after a fault.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for all replies to a client.
const REPLY_TIMEOUT: Duration = Duration::from_secs(40);
/// The longest time for which a request may be redelivered.
const REDELIVERY_TIMEOUT: Duration = REDELIVER_AFTER.saturating_mul(MAX_DELIVERIES);
/// How long a media server keeps an unclaimed session.
const JANUS_SESSION_TIMEOUT: Duration = Duration::from_secs(45);

impl Simulation {
    /// Clients and faults pause until every guarantee must have been met.
    pub async fn settle(&mut self) {
        while let Some(end) = self.due.iter().map(|(at, _)| *at).max() {
            self.advance(end.saturating_duration_since(Instant::now())).await;
        }
        let recovering = self.last_fault.is_some_and(|last| last.elapsed() < RECOVERY_TIMEOUT);
        self.advance(if recovering { RECOVERY_TIMEOUT } else { CALL_END_TIMEOUT }).await;
        self.trace.note("-", "settled");
        self.wait_for_replies().await;
        self.check_clients_against_directory().await;
    }

    async fn wait_for_replies(&mut self) {
        let until = Instant::now() + REPLY_TIMEOUT;
        loop {
            let connected = self.clients.iter().filter(|client| client.is_connected() && client.is_reading());
            let waiting: Vec<String> = connected.flat_map(Client::overdue).collect();
            if waiting.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "never answered: {waiting:?}");
            self.advance(Duration::from_secs(1)).await;
        }
    }

    async fn check_clients_against_directory(&self) {
        let directory = &self.cluster.directory;
        for client in self.clients.iter().filter(|client| client.is_connected() && client.is_reading()) {
            let Some(handle_ref) = client.handle_ref() else { continue };
            let record = directory.handle(handle_ref).await.unwrap();
            let in_call = record.as_ref().is_some_and(|record| record.call.is_some());
            let Client { name, call, registered, .. } = client;
            assert_eq!(*call != Call::None, in_call, "{name} is {call:?}, its handle: {record:?}");
            let owned = record.as_ref().and_then(|record| record.username.clone());
            assert_eq!(*registered, owned, "{name}'s name, its handle: {record:?}");
            let Some(registered) = registered else { continue };
            let user = directory.user(registered).await.unwrap();
            assert_eq!(
                user.and_then(|user| user.owner().map(|owner| owner.handle)),
                Some(handle_ref),
                "{registered} belongs to {name}"
            );
        }
        for (index, backend) in BACKENDS.into_iter().enumerate() {
            let calls = directory.calls_on(&backend.into()).await.unwrap();
            for call in &calls {
                let call = directory.call(*call).await.unwrap().unwrap();
                self.check_both_sides(&call).await;
            }
            let on_janus = self.cluster.janus[index].lock().await.calls();
            assert_eq!(on_janus, calls.len(), "calls on {backend}: {calls:?}");
        }
    }

    async fn check_both_sides(&self, call: &Record) {
        for handle_ref in call.handles() {
            let handle = self.cluster.directory.handle(handle_ref).await.unwrap();
            let current = handle.and_then(|handle| handle.call);
            assert_eq!(current, Some(call.id), "{handle_ref} is in the call {call:?}");
        }
    }

    /// All clients leave, and nothing may be left.
    pub async fn finish(&mut self) {
        self.settle().await;
        self.clients.iter_mut().for_each(Client::leave);
        self.advance(RECOVERY_TIMEOUT).await;
        self.trace.note("-", "all clients have left");
        self.expect_no_sessions().await;
        self.stop_all(Kind::Edge).await;
        self.advance(CALL_END_TIMEOUT + REDELIVERY_TIMEOUT).await;
        self.expect_no_requests().await;
        self.stop_all(Kind::Connector).await;
        self.stop_all(Kind::Router).await;
        self.advance(JANUS_SESSION_TIMEOUT).await;
        self.expect_nothing().await;
    }

    async fn stop_all(&mut self, kind: Kind) {
        for slot in 0..2 {
            self.cluster.stop(kind, slot).await;
        }
    }

    async fn expect_no_sessions(&self) {
        let directory = &self.cluster.directory;
        let names = directory.usernames().await.unwrap();
        assert!(names.is_empty(), "still registered: {names:?}");
        for edge in &self.cluster.edges {
            let (handles, sessions) = directory.owned_by(edge).await.unwrap();
            for handle in handles {
                assert_eq!(directory.handle(handle).await.unwrap(), None, "{handle} of {edge}");
            }
            for session in sessions {
                assert_eq!(directory.session(session).await.unwrap(), None, "{session} of {edge}");
            }
        }
        for (index, backend) in BACKENDS.into_iter().enumerate() {
            assert_eq!(directory.calls_on(&backend.into()).await.unwrap(), [], "calls on {backend}");
            assert_eq!(self.cluster.janus[index].lock().await.calls(), 0, "on the server {backend}");
        }
    }

    async fn expect_no_requests(&self) {
        for queue in Queue::all_requests() {
            assert_eq!(self.cluster.bus.backlog(&queue.key()).await.unwrap(), 0, "{}", queue.key());
        }
    }

    async fn expect_nothing(&self) {
        for (index, backend) in BACKENDS.into_iter().enumerate() {
            let mailbox = Mailbox::Backend(backend.into());
            let left = self.cluster.bus.read_undelivered(&mailbox, None).await.unwrap().into_iter();
            let left: Vec<Body> = left.map(|(_, message)| message.body).collect();
            let is_canary = |body: &Body| matches!(body, Body::Canary(_));
            assert!(left.iter().all(is_canary), "in {}: {left:?}", mailbox.key());
            let janus = self.cluster.janus[index].lock().await;
            assert_eq!((janus.sessions(), janus.handles()), (0, 0), "on the server {backend}");
        }
        let dead = self.cluster.bus.tail(Log::Dead, 10).await.unwrap();
        assert!(dead.is_empty(), "dead letters: {dead:?}");
    }
}
