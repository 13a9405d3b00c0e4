//! Runs a scenario: sends on one socket after the other, step by step, and records what each receives.
//!
//! A run waits for messages only. A message that does not arrive in time (see `commands.rs`) ends the run. At
//! the end, every session on Switchboard makes one hidden call between two hidden handles. Switchboard delivers
//! all earlier messages of the session before the events of that call. A ping would only cover what the edge
//! has sent. A Janus receives a ping instead.

use super::actor::Actor;
use super::barrier;
use super::json::Json;
use super::recording::{self, Recording};
use super::scenario::{Action, Scenario, Server, Step};
use super::servers::Endpoints;
use super::socket::{Socket, UNRECORDED};
use super::substitute::{self, Names};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Interval of keepalives of actors that stay awake.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_millis(900);
const PLUGIN: &str = "janus.plugin.videocall";

/// A run in progress.
pub struct Player<'a> {
    pub endpoints: &'a Endpoints,
    pub sockets: Vec<Socket>,
    pub actors: Vec<Actor>,
    suffix: String,
    ids: BTreeMap<u64, String>,
    /// Transactions of `create` and `attach` whose replies carry a new id, with their actors.
    pub pending_ids: HashMap<String, String>,
    hidden: usize,
    last_keepalive: Instant,
}

/// Runs the scenario and returns the recording, together with the reason if the run got stuck.
pub async fn play(scenario: &Scenario, endpoints: &Endpoints) -> (Recording, Result<(), String>) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let mut player = Player {
        endpoints,
        sockets: Vec::new(),
        actors: Vec::new(),
        suffix: format!("~{}~", RUNS.fetch_add(1, Ordering::Relaxed)),
        ids: BTreeMap::new(),
        pending_ids: HashMap::new(),
        hidden: 0,
        last_keepalive: Instant::now(),
    };
    let outcome = player.run(scenario).await;
    player.leave().await;
    let track =
        |socket: &Socket| recording::track(&socket.name, &socket.messages, &player.ids, &player.suffix);
    (player.sockets.iter().map(track).collect(), outcome)
}

impl Player<'_> {
    async fn run(&mut self, scenario: &Scenario) -> Result<(), String> {
        for step in &scenario.steps {
            if step.only.is_none_or(|only| only == self.endpoints.server) {
                let done = self.step(step).await;
                done.map_err(|why| format!("line {}, {}: {why}", step.line, step.text))?;
            }
        }
        barrier::wait_for_all(self).await.map_err(|why| format!("at the end: {why}"))
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if step.action == Action::Talk {
            let [caller, callee] = &step.who[..] else { return Err("`talk` needs two actors".to_owned()) };
            return self.talk(caller, callee).await;
        }
        for who in &step.who {
            self.action(who, &step.action).await?;
        }
        Ok(())
    }

    async fn action(&mut self, who: &str, action: &Action) -> Result<(), String> {
        match action {
            Action::Connect { beside } => self.connect(who, beside.as_deref()).await,
            Action::Join { whom, session } => self.join(who, whom, *session),
            Action::TakeOver(whom) => self.take_over(who, whom),
            Action::Arrive { named } => self.arrive(who, *named).await,
            Action::Ring(whom) => self.ring(who, whom).await,
            Action::Talk => unreachable!("step() handles it"),
            Action::Send { quickly, verb, more } => self.send(who, verb, more, *quickly).await,
            Action::Request { quickly, request, more, jsep } => {
                self.request(who, request, more, jsep.as_deref(), *quickly).await
            }
            Action::Write(text) => self.write(who, text).await,
            Action::Receive(labels) => self.receive_all(who, labels).await,
            Action::StayAwake => self.actor(who).map(|actor| actor.awake = true),
            Action::Drop => self.socket(who).map(Socket::drop_connection),
            Action::Close(code) => self.socket(who)?.close(code.as_ref()).await,
            Action::WriteFrame(first, payload) => self.socket(who)?.send_frame(*first, payload.clone()).await,
            Action::Closed => self.socket(who)?.closed().await,
        }
    }

    /// A number for an unrecorded transaction.
    pub fn next_hidden(&mut self) -> usize {
        self.hidden += 1;
        self.hidden
    }

    pub fn actor(&mut self, name: &str) -> Result<&mut Actor, String> {
        self.actors
            .iter_mut()
            .find(|actor| actor.name == name)
            .ok_or_else(|| format!("unknown actor: {name}"))
    }

    pub fn socket(&mut self, name: &str) -> Result<&mut Socket, String> {
        let place = self.actor(name)?.socket;
        Ok(&mut self.sockets[place])
    }

    async fn connect(&mut self, who: &str, beside: Option<&str>) -> Result<(), String> {
        let endpoint = match beside {
            Some(other) => self.socket(other)?.endpoint,
            None => self.sockets.len(),
        };
        let socket = Socket::open(who, self.endpoints.url(endpoint), endpoint).await?;
        self.sockets.push(socket);
        let place = self.sockets.len() - 1;
        match self.actor(who) {
            Ok(actor) => actor.socket = place,
            Err(_) => self.actors.push(Actor::new(who, place)),
        }
        Ok(())
    }

    fn join(&mut self, who: &str, whom: &str, session: bool) -> Result<(), String> {
        let other = self.actor(whom)?.clone();
        let mut actor = Actor::new(who, other.socket);
        actor.session = other.session.filter(|_| session);
        self.actors.push(actor);
        Ok(())
    }

    fn take_over(&mut self, who: &str, whom: &str) -> Result<(), String> {
        let other = self.actor(whom)?.clone();
        let actor = self.actor(who)?;
        (actor.session, actor.handle) = (other.session, other.handle);
        Ok(())
    }

    async fn arrive(&mut self, who: &str, named: bool) -> Result<(), String> {
        if self.actor(who).is_err() {
            self.connect(who, None).await?;
        }
        if self.actor(who)?.session.is_none() {
            self.send(who, "create", "", false).await?;
        }
        self.send(who, "attach", &json!({"plugin": PLUGIN}).to_string(), false).await?;
        if named {
            self.request(who, "register", &format!(r#"{{"username":"${who}"}}"#), None, false).await?;
        }
        Ok(())
    }

    async fn ring(&mut self, caller: &str, callee: &str) -> Result<(), String> {
        let callee_name = format!(r#"{{"username":"${callee}"}}"#);
        self.request(caller, "call", &callee_name, Some("$offer"), false).await?;
        self.receive(callee, "@incomingcall").await?;
        for who in [caller, callee] {
            if self.endpoints.full_trickle {
                self.receive(who, "trickle completed").await?;
            }
        }
        Ok(())
    }

    async fn talk(&mut self, caller: &str, callee: &str) -> Result<(), String> {
        self.ring(caller, callee).await?;
        self.request(callee, "accept", "", Some("$answer"), false).await?;
        self.receive(caller, "@accepted").await
    }

    /// Replaces all placeholders of a text.
    pub fn substitute(&self, text: &str) -> Result<String, String> {
        substitute::substitute(text, &Names { actors: &self.actors, suffix: &self.suffix })
    }

    /// Learns the id from the reply to a `create` or `attach`.
    pub fn learn_id(&mut self, message: &Json) {
        let Some(id) = message.number(&["data", "id"]) else { return };
        let Some(who) = self.pending_ids.remove(message.text(&["transaction"])) else { return };
        let Some(actor) = self.actors.iter_mut().find(|actor| actor.name == who) else { return };
        let is_handle = message.get("session_id").is_some();
        let slot = if is_handle { &mut actor.handle } else { &mut actor.session };
        *slot = Some(id);
        let kind = if is_handle { "handle" } else { "session" };
        let name = format!("{who}.{kind}");
        let alike = self.ids.values().filter(|known| known.starts_with(&name)).count();
        let name = if alike == 0 { name } else { format!("{name}{}", alike + 1) };
        self.ids.entry(id).or_insert(name);
    }

    pub async fn send_keepalives(&mut self) -> Result<(), String> {
        if self.last_keepalive.elapsed() < KEEPALIVE_INTERVAL {
            return Ok(());
        }
        self.last_keepalive = Instant::now();
        for actor in self.actors.iter().filter(|actor| actor.awake) {
            let keepalive =
                json!({"janus": "keepalive", "transaction": UNRECORDED, "session_id": actor.session});
            self.sockets[actor.socket].send(&keepalive.to_string()).await?;
        }
        Ok(())
    }

    /// Ends every session, so that nothing of this run disturbs the next.
    async fn leave(&mut self) {
        for actor in &self.actors {
            let destroy = json!({"janus": "destroy", "transaction": UNRECORDED, "session_id": actor.session});
            let socket = &mut self.sockets[actor.socket];
            if socket.is_open() && actor.session.is_some() {
                // An error means that the session has ended already.
                let _ = socket.send(&destroy.to_string()).await;
            }
        }
        for socket in &mut self.sockets {
            socket.leave().await;
        }
    }
}

/// Whether the run is against a Switchboard.
pub fn is_switchboard(endpoints: &Endpoints) -> bool {
    endpoints.server == Server::Switchboard
}
