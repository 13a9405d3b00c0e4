//! What holds once nobody has done anything for a while, and what is left at the end.

use super::cluster::{BACKENDS, Kind};
use super::person::{Call, Client};
use super::world::Simulation;
use bus::message::Body;
use bus::topic::{Log, Mailbox, Queue};
use bus::{MAX_DELIVERIES, REDELIVER_AFTER};
use directory::record::Call as Record;
use std::time::Duration;
use tokio::time::Instant;

/// How long a call may take to be over for both sides.
const SETTLED: Duration = Duration::from_secs(5);
/// The same, and every other promise, after something went wrong.
const RECOVERED: Duration = Duration::from_secs(30);
/// How long a client may wait for the answers of all it has asked.
const ANSWERED: Duration = Duration::from_secs(40);
/// How long a request may be delivered again and again.
const REDELIVERED: Duration = REDELIVER_AFTER.saturating_mul(MAX_DELIVERIES);
/// How long a media server remembers a session that nobody has claimed.
const FORGOTTEN: Duration = Duration::from_secs(45);

impl Simulation {
    /// Nobody does anything any more, until all that was promised must have happened.
    pub async fn rests(&mut self) {
        while let Some(end) = self.due.iter().map(|(at, _)| *at).max() {
            self.passes(end.saturating_duration_since(Instant::now())).await;
        }
        let recovering = self.troubled.is_some_and(|last| last.elapsed() < RECOVERED);
        self.passes(if recovering { RECOVERED } else { SETTLED }).await;
        self.trace.note("-", "at rest");
        self.answers_come().await;
        self.people_agree_with_the_directory().await;
    }

    async fn answers_come(&mut self) {
        let until = Instant::now() + ANSWERED;
        loop {
            let here = self.people.iter().filter(|person| person.is_there() && person.is_reading());
            let waiting: Vec<String> = here.flat_map(Client::waits_for).collect();
            if waiting.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "never answered: {waiting:?}");
            self.passes(Duration::from_secs(1)).await;
        }
    }

    async fn people_agree_with_the_directory(&self) {
        let directory = &self.cluster.directory;
        for person in self.people.iter().filter(|person| person.is_there() && person.is_reading()) {
            let Some(who) = person.who() else { continue };
            let record = directory.handle(who).await.unwrap();
            let in_call = record.as_ref().is_some_and(|record| record.call.is_some());
            let Client { name, call, registered, .. } = person;
            assert_eq!(*call != Call::None, in_call, "{name} is {call:?}, its handle: {record:?}");
            let owned = record.as_ref().and_then(|record| record.username.clone());
            assert_eq!(*registered, owned, "{name}'s name, its handle: {record:?}");
            let Some(registered) = registered else { continue };
            let user = directory.user(registered).await.unwrap();
            assert_eq!(
                user.and_then(|user| user.owner().map(|owner| owner.handle)),
                Some(who),
                "{registered} belongs to {name}"
            );
        }
        for (place, backend) in BACKENDS.into_iter().enumerate() {
            let calls = directory.calls_on(&backend.into()).await.unwrap();
            for call in &calls {
                let call = directory.call(*call).await.unwrap().unwrap();
                self.both_sides_are_in(&call).await;
            }
            let there = self.cluster.janus[place].lock().await.calls();
            assert_eq!(there, calls.len(), "calls on {backend}: {calls:?}");
        }
    }

    async fn both_sides_are_in(&self, call: &Record) {
        for who in call.handles() {
            let handle = self.cluster.directory.handle(who).await.unwrap();
            let current = handle.and_then(|handle| handle.call);
            assert_eq!(current, Some(call.id), "{who} is in the call {call:?}");
        }
    }

    /// Everybody goes, and then nothing is left.
    pub async fn ends(&mut self) {
        self.rests().await;
        self.people.iter_mut().for_each(Client::leaves);
        self.passes(RECOVERED).await;
        self.trace.note("-", "everybody is gone");
        self.nobody_is_left().await;
        self.all_stop(Kind::Edge).await;
        self.passes(SETTLED + REDELIVERED).await;
        self.no_request_is_left().await;
        self.all_stop(Kind::Connector).await;
        self.all_stop(Kind::Router).await;
        self.passes(FORGOTTEN).await;
        self.nothing_is_left().await;
    }

    async fn all_stop(&mut self, kind: Kind) {
        for place in 0..2 {
            self.cluster.stop(kind, place).await;
        }
    }

    async fn nobody_is_left(&self) {
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
        for (place, backend) in BACKENDS.into_iter().enumerate() {
            assert_eq!(directory.calls_on(&backend.into()).await.unwrap(), [], "calls on {backend}");
            assert_eq!(self.cluster.janus[place].lock().await.calls(), 0, "on the server {backend}");
        }
    }

    async fn no_request_is_left(&self) {
        for queue in Queue::all_requests() {
            assert_eq!(self.cluster.bus.backlog(&queue.key()).await.unwrap(), 0, "{}", queue.key());
        }
    }

    async fn nothing_is_left(&self) {
        for (place, backend) in BACKENDS.into_iter().enumerate() {
            let mailbox = Mailbox::Backend(backend.into());
            let left = self.cluster.bus.read_undelivered(&mailbox, None).await.unwrap().into_iter();
            let left: Vec<Body> = left.map(|(_, message)| message.body).collect();
            let is_canary = |body: &Body| matches!(body, Body::Canary(_));
            assert!(left.iter().all(is_canary), "in {}: {left:?}", mailbox.key());
            let janus = self.cluster.janus[place].lock().await;
            assert_eq!((janus.sessions(), janus.handles()), (0, 0), "on the server {backend}");
        }
        let dead = self.cluster.bus.tail(Log::Dead, 10).await.unwrap();
        assert!(dead.is_empty(), "messages that nobody could deal with: {dead:?}");
    }
}
