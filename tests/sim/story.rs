//! What people do, and what goes wrong.

use crate::sim::person::jsep;
use crate::sim::world::World;
use serde_json::{Value, json};
use std::time::Duration;

/// What happens, to whom, and how.
pub type Step = (u8, u8, u8);

impl World {
    /// One thing happens.
    pub fn step(&mut self, (what, which, how): Step) {
        let place = usize::from(which) % 2;
        match what {
            0..=8 => self.asks(place, how),
            9..=28 => self.delivers(which, how),
            29 => self.time_passes(Duration::from_millis(u64::from(how))),
            30 => self.time_passes(Duration::from_millis(u64::from(how) * 30)),
            _ => self.trouble(place, how),
        }
    }

    /// Somebody comes who has no session, or no handle, and wants a name.
    pub fn begins(&mut self, place: usize) {
        let (acts, name) = (self.people[place].begins(self.now), self.people[place].name);
        self.perform(place, acts);
        self.says(place, json!({"janus": "message", "body": {"request": "register", "username": name}}));
    }

    fn asks(&mut self, place: usize, how: u8) {
        let peer = self.people[1 - place].name;
        let message = |body: Value| json!({"janus": "message", "body": body});
        let with = |body: Value, kind: &str| json!({"janus": "message", "body": body, "jsep": jsep(kind)});
        let call = || json!({"request": "call", "username": peer});
        self.says(
            place,
            match how % 16 {
                0..=4 => with(call(), "offer"),
                5..=7 => with(json!({"request": "accept"}), "answer"),
                8 => message(json!({"request": "accept"})),
                9 => message(json!({"request": "set", "audio": true})),
                10 => with(json!({"request": "set"}), "offer"),
                11 => message(json!({"request": "hangup"})),
                12 => json!({"janus": "hangup"}),
                13 => json!({"janus": "trickle", "candidate": {"sdpMid": "0", "candidate": "c"}}),
                14 => message(json!({"request": "list"})),
                _ if how < 128 => message(call()),
                _ => message(json!({"request": "register", "username": peer})),
            },
        );
    }

    fn trouble(&mut self, place: usize, how: u8) {
        match how {
            0..40 => self.people[place].drops(self.now),
            40..90 => self.people[place].claims(self.now),
            90..120 => self.says(place, json!({"janus": "detach"})),
            120..140 => self.says(place, json!({"janus": "destroy"})),
            140..170 => self.backends[place].janus.breaks(how),
            170..180 => self.janus_is_lost(place),
            180..190 => self.bus_fails = true,
            _ => self.begins(place),
        }
    }

    fn janus_is_lost(&mut self, place: usize) {
        let backend = &mut self.backends[place];
        backend.janus.restarts();
        let acts = backend.calls.down("The media server is gone", self.now);
        backend.session += 1;
        backend.calls.up(backend.session);
        self.connector_does(place, acts);
    }
}
