//! What happens in a run, as its dice fall: what clients do, by what they know, and what goes wrong.

use super::cluster::Kind;
use super::person::{Call, Client};
use super::trouble::Fault;
use super::world::{NAMES, Simulation};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// What a client can do.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Call,
    CallWithoutOffer,
    Accept,
    Decline,
    Update,
    Set,
    Trickle,
    HangUp,
    CoreHangUp,
    List,
    Exists,
    Register,
    Detach,
    Destroy,
    Drop,
    Steal,
}

/// With what weight a client without a call does something.
const IDLE: [(usize, Deed); 9] = [
    (60, Deed::Call),
    (3, Deed::CallWithoutOffer),
    (3, Deed::List),
    (3, Deed::Exists),
    (2, Deed::Register),
    (2, Deed::HangUp),
    (4, Deed::Detach),
    (3, Deed::Destroy),
    (8, Deed::Drop),
];
/// One that calls.
const CALLING: [(usize, Deed); 6] = [
    (20, Deed::Trickle),
    (10, Deed::HangUp),
    (5, Deed::CoreHangUp),
    (3, Deed::Detach),
    (12, Deed::Drop),
    (4, Deed::Steal),
];
/// One that is called.
const RINGING: [(usize, Deed); 7] = [
    (60, Deed::Accept),
    (10, Deed::Decline),
    (10, Deed::Trickle),
    (2, Deed::Detach),
    (2, Deed::Destroy),
    (8, Deed::Drop),
    (4, Deed::Steal),
];
/// One that talks.
const TALKING: [(usize, Deed); 9] = [
    (40, Deed::Update),
    (10, Deed::Set),
    (20, Deed::Trickle),
    (8, Deed::HangUp),
    (4, Deed::CoreHangUp),
    (2, Deed::Detach),
    (2, Deed::Destroy),
    (16, Deed::Drop),
    (8, Deed::Steal),
];
/// How long it takes until the next thing happens, in milliseconds at most.
const PAUSES: [usize; 8] = [1, 1, 2, 10, 30, 100, 500, 2_000];

impl Simulation {
    /// Tells a story of so many steps.
    pub async fn play(&mut self, steps: usize, troubles: &[Fault]) {
        for _ in 0..steps {
            match self.dice.below(100) {
                0..12 if !troubles.is_empty() => {
                    let trouble = *self.dice.pick(troubles);
                    self.goes_wrong(trouble).await;
                }
                12..14 => self.rests().await,
                _ => {
                    let who = self.dice.below(self.people.len());
                    self.acts(who);
                }
            }
            let pause = *self.dice.pick(&PAUSES);
            let pause = Duration::from_millis(self.dice.below(pause) as u64);
            self.passes(pause).await;
            self.holds_always().await;
        }
    }

    /// Somebody does something.
    fn acts(&mut self, who: usize) {
        let door = self.dice.below(2);
        let person = &mut self.people[who];
        match (person.session, person.handle) {
            _ if person.is_opening() || !person.is_reading() => {}
            (None, _) => self.comes(who, door),
            (Some(_), _) if !person.is_there() => self.comes_back(who, door),
            (Some(_), None) => person.attaches(),
            (Some(_), Some(_)) if person.registered.is_none() => {
                person.requests(json!({"request": "register", "username": person.name}), None);
            }
            _ => self.does(who, door),
        }
    }

    fn comes(&mut self, who: usize, door: usize) {
        if let Some(stream) = self.cluster.connect(door) {
            self.people[who].begins(door, stream);
        }
    }

    fn comes_back(&mut self, who: usize, door: usize) {
        if let Some(stream) = self.cluster.connect(door) {
            self.people[who].claims(door, stream);
        }
    }

    fn does(&mut self, who: usize, door: usize) {
        let deeds: &[(usize, Deed)] = match self.people[who].call {
            Call::None => &IDLE,
            Call::Calling => &CALLING,
            Call::Ringing => &RINGING,
            Call::Up => &TALKING,
        };
        let deed = Client::chooses(&mut self.dice, deeds);
        let other = NAMES[self.dice.below(self.people.len())];
        let person = &mut self.people[who];
        let call = json!({"request": "call", "username": other});
        match deed {
            Deed::Call => person.requests(call, Some("offer")),
            Deed::CallWithoutOffer => person.requests(call, None),
            Deed::Accept => person.requests(json!({"request": "accept"}), Some("answer")),
            Deed::Update => person.requests(json!({"request": "set"}), Some("offer")),
            Deed::Set => person.requests(json!({"request": "set", "audio": true}), None),
            Deed::Decline | Deed::HangUp => person.requests(json!({"request": "hangup"}), None),
            Deed::List => person.requests(json!({"request": "list"}), None),
            Deed::Exists => person.requests(json!({"request": "exists", "username": other}), None),
            Deed::Register => person.requests(json!({"request": "register", "username": other}), None),
            Deed::Trickle => {
                person.says("trickle", json!({"candidate": {"sdpMid": "0", "candidate": "candidate:1"}}));
            }
            Deed::CoreHangUp => _ = person.says("hangup", json!({})),
            Deed::Detach => _ = person.says("detach", json!({})),
            Deed::Destroy => _ = person.says("destroy", json!({})),
            Deed::Drop => {
                self.trace.note(self.people[who].name, "drops its socket");
                self.people[who].loses_socket(Instant::now());
            }
            Deed::Steal => self.comes_back(who, door),
        }
    }
}

/// What can go wrong.
pub fn all_faults(people: usize) -> Vec<Fault> {
    let of_kind = |kind| {
        let each = [Fault::Killed, Fault::Frozen, Fault::Stopped];
        (0..2).flat_map(move |place| each.map(|trouble| trouble(kind, place)))
    };
    let of_place = |place| {
        [
            Fault::JanusDies(place),
            Fault::JanusStops(place),
            Fault::PluginFreezes(place),
            Fault::JanusCut(place),
            Fault::MediaLost(place),
            Fault::Drained(place),
        ]
    };
    let services = [Kind::Edge, Kind::Router, Kind::Connector].into_iter().flat_map(of_kind);
    let janus = (0..2).flat_map(of_place);
    services.chain(janus).chain((0..people).map(Fault::Slow)).chain([Fault::StoreAway]).collect()
}
