//! The steps of a run, chosen by its seed: requests of clients that match their state, and faults.

use super::client::{Call, Client};
use super::cluster::Kind;
use super::faults::Fault;
use super::simulation::{NAMES, Simulation};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// What a client can do.
#[derive(Clone, Copy, Debug)]
enum Action {
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

/// Weighted actions of a client without a call.
const IDLE: [(usize, Action); 9] = [
    (60, Action::Call),
    (3, Action::CallWithoutOffer),
    (3, Action::List),
    (3, Action::Exists),
    (2, Action::Register),
    (2, Action::HangUp),
    (4, Action::Detach),
    (3, Action::Destroy),
    (8, Action::Drop),
];
/// Of a client that calls.
const CALLING: [(usize, Action); 6] = [
    (20, Action::Trickle),
    (10, Action::HangUp),
    (5, Action::CoreHangUp),
    (3, Action::Detach),
    (12, Action::Drop),
    (4, Action::Steal),
];
/// Of a client that is called.
const RINGING: [(usize, Action); 7] = [
    (60, Action::Accept),
    (10, Action::Decline),
    (10, Action::Trickle),
    (2, Action::Detach),
    (2, Action::Destroy),
    (8, Action::Drop),
    (4, Action::Steal),
];
/// Of a client in a call.
const TALKING: [(usize, Action); 9] = [
    (40, Action::Update),
    (10, Action::Set),
    (20, Action::Trickle),
    (8, Action::HangUp),
    (4, Action::CoreHangUp),
    (2, Action::Detach),
    (2, Action::Destroy),
    (16, Action::Drop),
    (8, Action::Steal),
];
/// The longest pauses before the next step, in milliseconds.
const PAUSES: [usize; 8] = [1, 1, 2, 10, 30, 100, 500, 2_000];

impl Simulation {
    /// Runs this many steps.
    pub async fn play(&mut self, steps: usize, faults: &[Fault]) {
        for _ in 0..steps {
            match self.rng.below(100) {
                0..12 if !faults.is_empty() => {
                    let fault = *self.rng.pick(faults);
                    self.inject(fault).await;
                }
                12..14 => self.settle().await,
                _ => {
                    let index = self.rng.below(self.clients.len());
                    self.step_client(index);
                }
            }
            let pause = *self.rng.pick(&PAUSES);
            let pause = Duration::from_millis(self.rng.below(pause) as u64);
            self.advance(pause).await;
            self.check_invariants().await;
        }
    }

    /// One client acts.
    fn step_client(&mut self, index: usize) {
        let edge = self.rng.below(2);
        let client = &mut self.clients[index];
        match (client.session, client.handle) {
            _ if client.is_opening() || !client.is_reading() => {}
            (None, _) => self.connect_client(index, edge),
            (Some(_), _) if !client.is_connected() => self.reconnect_client(index, edge),
            (Some(_), None) => client.attach(),
            (Some(_), Some(_)) if client.registered.is_none() => {
                client.request(json!({"request": "register", "username": client.name}), None);
            }
            _ => self.perform(index, edge),
        }
    }

    fn connect_client(&mut self, index: usize, edge: usize) {
        if let Some(stream) = self.cluster.connect(edge) {
            self.clients[index].connect(edge, stream);
        }
    }

    fn reconnect_client(&mut self, index: usize, edge: usize) {
        if let Some(stream) = self.cluster.connect(edge) {
            self.clients[index].claim(edge, stream);
        }
    }

    fn perform(&mut self, index: usize, edge: usize) {
        let actions: &[(usize, Action)] = match self.clients[index].call {
            Call::None => &IDLE,
            Call::Calling => &CALLING,
            Call::Ringing => &RINGING,
            Call::Up => &TALKING,
        };
        let action = Client::choose(&mut self.rng, actions);
        let other = NAMES[self.rng.below(self.clients.len())];
        let client = &mut self.clients[index];
        let call = json!({"request": "call", "username": other});
        match action {
            Action::Call => client.request(call, Some("offer")),
            Action::CallWithoutOffer => client.request(call, None),
            Action::Accept => client.request(json!({"request": "accept"}), Some("answer")),
            Action::Update => client.request(json!({"request": "set"}), Some("offer")),
            Action::Set => client.request(json!({"request": "set", "audio": true}), None),
            Action::Decline | Action::HangUp => client.request(json!({"request": "hangup"}), None),
            Action::List => client.request(json!({"request": "list"}), None),
            Action::Exists => client.request(json!({"request": "exists", "username": other}), None),
            Action::Register => client.request(json!({"request": "register", "username": other}), None),
            Action::Trickle => {
                client.send("trickle", json!({"candidate": {"sdpMid": "0", "candidate": "candidate:1"}}));
            }
            Action::CoreHangUp => _ = client.send("hangup", json!({})),
            Action::Detach => _ = client.send("detach", json!({})),
            Action::Destroy => _ = client.send("destroy", json!({})),
            Action::Drop => {
                self.trace.note(self.clients[index].name, "drops its socket");
                self.clients[index].lose_socket(Instant::now());
            }
            Action::Steal => self.reconnect_client(index, edge),
        }
    }
}

/// All possible faults.
pub fn all_faults(clients: usize) -> Vec<Fault> {
    let of_kind = |kind| {
        let each = [Fault::Killed, Fault::Frozen, Fault::Stopped];
        (0..2).flat_map(move |slot| each.map(|fault| fault(kind, slot)))
    };
    let of_server = |index| {
        [
            Fault::JanusDies(index),
            Fault::JanusStops(index),
            Fault::PluginFreezes(index),
            Fault::JanusCut(index),
            Fault::MediaLost(index),
            Fault::Drained(index),
        ]
    };
    let services = [Kind::Edge, Kind::Router, Kind::Connector].into_iter().flat_map(of_kind);
    let janus = (0..2).flat_map(of_server);
    services.chain(janus).chain((0..clients).map(Fault::Slow)).chain([Fault::StoreAway]).collect()
}
