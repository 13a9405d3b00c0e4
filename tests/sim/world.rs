//! All that travels between the parts, and time.

use crate::sim::janus::Janus;
use crate::sim::person::Person;
use crate::sim::router::{Out, Router, backend};
use bus::message::{Body, Deadline, Events, LegRef, Message};
use connector::calls::Calls;
use connector::calls::act::{Act as Said, Ended};
use connector::janus::message::FromJanus;
use edge::act::{Act, Road as To};
use edge::handle::PATIENCE;
use protocol::{HandleRef, ServiceId};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How many requests routers do at once, and ends of calls connectors.
const AT_ONCE: usize = 3;

/// A connector and its media server.
pub struct Backend {
    pub calls: Calls,
    mailbox: VecDeque<(Instant, Message)>,
    pub janus: Janus,
    pub session: u64,
}

/// Two people, two backends, the routers, and what is on the way.
pub struct World {
    pub now: Instant,
    pub people: [Person; 2],
    pub backends: [Backend; 2],
    pub router: Router,
    requests: VecDeque<(Instant, Message)>,
    /// What routers have decided to send, for each request that is being done.
    posting: VecDeque<(Instant, VecDeque<Out>)>,
    mailboxes: [VecDeque<Events>; 2],
    /// Calls that are over, and whether their handles are free yet.
    ending: VecDeque<(bool, Ended)>,
    pub bus_fails: bool,
}

/// Something that can arrive next.
#[derive(Clone, Copy)]
enum Road {
    Request(usize),
    Posting(usize),
    Ending(usize),
    Edge(usize),
    Backend(usize),
    ToJanus(usize),
    FromJanus(usize),
}

impl Backend {
    fn new(number: usize) -> Self {
        let mut calls = Calls::new(backend(number));
        calls.up(1);
        Self { calls, mailbox: VecDeque::new(), janus: Janus::default(), session: 1 }
    }
}

impl World {
    /// Two people with names of their own.
    pub fn new() -> Self {
        let mut world = Self {
            now: Instant::now(),
            people: [Person::new("alice", 0), Person::new("bob", 1_000_000)],
            backends: [Backend::new(0), Backend::new(1)],
            router: Router::default(),
            requests: VecDeque::new(),
            posting: VecDeque::new(),
            mailboxes: Default::default(),
            ending: VecDeque::new(),
            bus_fails: false,
        };
        for place in 0..2 {
            world.begins(place);
        }
        world.delivers_all();
        world
    }

    /// Somebody asks something.
    pub fn says(&mut self, place: usize, request: Value) {
        let acts = self.people[place].asks(request, self.now);
        self.perform(place, acts);
    }

    fn roads(&self) -> Vec<Road> {
        let requests = (0..self.requests.len().min(AT_ONCE)).map(Road::Request);
        let posting = (0..self.posting.len().min(AT_ONCE)).map(Road::Posting);
        let ending = (0..self.ending.len().min(AT_ONCE)).map(Road::Ending);
        let of_place = |place: usize| {
            let Backend { mailbox, janus, .. } = &self.backends[place];
            let full = [
                self.mailboxes[place].is_empty(),
                mailbox.is_empty(),
                janus.asked.is_empty(),
                janus.says.is_empty(),
            ];
            let roads =
                [Road::Edge(place), Road::Backend(place), Road::ToJanus(place), Road::FromJanus(place)];
            roads.into_iter().zip(full).filter_map(|(road, empty)| (!empty).then_some(road))
        };
        requests.chain(posting).chain(ending).chain((0..2).flat_map(of_place)).collect()
    }

    /// One of the things arrives that can arrive next.
    pub fn delivers(&mut self, which: u8, how: u8) {
        let roads = self.roads();
        if let Some(road) = roads.get(usize::from(which) % roads.len().max(1)) {
            self.arrives(*road, how);
        }
    }

    /// Everything arrives that is on the way.
    pub fn delivers_all(&mut self) {
        while let Some(road) = self.roads().first() {
            self.arrives(*road, 0);
        }
    }

    fn arrives(&mut self, road: Road, how: u8) {
        match road {
            Road::Request(place) => self.router_works(place),
            Road::Posting(place) => self.router_sends(place),
            Road::Ending(place) => self.concludes(place),
            Road::Edge(place) => {
                let Some(events) = self.mailboxes[place].pop_front() else { return };
                let acts = self.people[place].on_events(events, self.now);
                self.perform(place, acts);
            }
            Road::Backend(place) => {
                let Some(message) = self.backends[place].mailbox.pop_front() else { return };
                let message = self.with_deadline(message);
                let acts = self.backends[place].calls.on_message(message, self.now);
                self.connector_does(place, acts);
            }
            Road::ToJanus(place) => self.backends[place].janus.works(how),
            Road::FromJanus(place) => {
                let Some(said) = self.backends[place].janus.says.pop_front() else { return };
                let acts = self.backends[place].calls.on_janus(FromJanus::read(&said.to_string()), self.now);
                self.connector_does(place, acts);
            }
        }
    }

    /// The deadline is on the clock on the wall, which stands still here.
    fn with_deadline(&self, (sent, message): (Instant, Message)) -> Message {
        let late = self.now > sent + PATIENCE;
        let deadline = message.deadline.map(|deadline| if late { Deadline(1) } else { deadline });
        Message { deadline, ..message }
    }

    fn router_works(&mut self, place: usize) {
        let Some(request) = self.requests.remove(place) else { return };
        let (sent, message) = (request.0, self.with_deadline(request));
        if message.is_late() {
            return;
        }
        let outs: VecDeque<Out> = self.router.work(&message).into();
        self.posting.extend((!outs.is_empty()).then_some((sent, outs)));
    }

    /// What belongs to one request is sent in its order; another router may be faster with another.
    fn router_sends(&mut self, place: usize) {
        let Some((sent, outs)) = self.posting.get_mut(place) else { return };
        let (sent, out) = (*sent, outs.pop_front());
        if outs.is_empty() {
            self.posting.remove(place);
        }
        match out {
            Some(Out::Edge(edge, events)) => self.posts(&edge, events),
            Some(Out::Backend(place, message)) => self.backends[place].mailbox.push_back((sent, message)),
            None => {}
        }
    }

    /// A call's handles are free, and only then, perhaps much later, its clients hear of the end.
    fn concludes(&mut self, place: usize) {
        match self.ending.remove(place) {
            Some((false, ended)) => {
                self.router.free(ended.call);
                self.ending.push_back((true, ended));
            }
            Some((true, ended)) => {
                ended.tell.into_iter().for_each(|(edge, events)| self.posts(&edge, events))
            }
            None => {}
        }
    }

    fn posts(&mut self, edge: &ServiceId, events: Events) {
        let place = self.people.iter().position(|person| person.name == edge.as_str()).unwrap();
        self.mailboxes[place].push_back(events);
    }

    /// What a connector has decided is done.
    pub fn connector_does(&mut self, place: usize, acts: Vec<Said>) {
        for act in acts {
            match act {
                Said::Janus(text) => {
                    self.backends[place].janus.asked.push_back(serde_json::from_str(&text).unwrap())
                }
                Said::Edge(edge, events) => self.posts(&edge, events),
                Said::End(ended) => self.ending.push_back((false, ended)),
                Said::Log(_) => {}
            }
        }
    }

    /// What an edge has decided is done.
    pub fn perform(&mut self, place: usize, acts: Vec<Act>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Tell(_, text) => self.people[place].hears(&text),
                Act::Send(_, message, who) if message.deadline.is_some() && self.bus_fails => {
                    self.bus_fails = false;
                    todo.extend(self.people[place].on_send_failed(who, message.id, self.now));
                }
                Act::Send(To::Requests, message, _) => self.requests.push_back((self.now, *message)),
                Act::Send(To::Backend(name), message, who) => {
                    self.is_of_its_call(who, &message);
                    let place: usize = name.as_str().parse().unwrap();
                    self.backends[place].mailbox.push_back((self.now, *message));
                }
            }
        }
    }

    /// Only who is on a side of a call speaks on it.
    fn is_of_its_call(&self, who: HandleRef, message: &Message) {
        let leg: LegRef = match &message.body {
            Body::Hangup(leg) => *leg,
            Body::Request(asks) => asks.leg,
            Body::Trickle(trickle) => trickle.leg,
            other => panic!("not for a backend: {}", other.kind()),
        };
        assert!(self.router.side(leg.call, leg.side).is_none_or(|side| side == who), "{message:?}");
    }

    /// Time passes as it does: what is due is done when it is.
    pub fn time_passes(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let edges = self.people.iter().filter_map(Person::due);
            let due = edges.chain(self.backends.iter().filter_map(|backend| backend.calls.due())).min();
            self.now = due.map_or(until, |due| due.max(self.now).min(until));
            for place in 0..2 {
                let acts = self.people[place].on_time(self.now);
                self.perform(place, acts);
                let acts = self.backends[place].calls.on_time(self.now);
                self.connector_does(place, acts);
            }
            if due.is_none_or(|due| due > until) {
                return;
            }
        }
    }
}
