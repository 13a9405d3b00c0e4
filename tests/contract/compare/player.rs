//! Plays a scenario: one socket after the other is spoken to, step by step, and what each hears is kept.
//!
//! Nothing is waited for but messages. A message that does not come in time (see `talk.rs`) ends the play.
//! At the end every session makes one hidden call from one hidden handle to another: what Switchboard had on
//! its way to this session is there before that call's events are (a ping would only tell what the edge
//! has sent). A Janus gets a ping.

use super::fence;
use super::fill::{self, Names};
use super::house::Endpoints;
use super::json::Json;
use super::recording::{self, Recording};
use super::scenario::{Action, Scenario, Server, Step};
use super::socket::{Socket, UNRECORDED};
use super::voice::Actor;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often those who stay awake send a keepalive.
pub const AWAKE: Duration = Duration::from_millis(900);
const PLUGIN: &str = "janus.plugin.videocall";

/// A play that is going on.
pub struct Player<'a> {
    pub doors: &'a Endpoints,
    pub sockets: Vec<Socket>,
    pub voices: Vec<Actor>,
    mark: String,
    ids: BTreeMap<u64, String>,
    /// What `create` and `attach` will tell: transactions with their voices.
    pub births: HashMap<String, String>,
    hidden: usize,
    last_keepalive: Instant,
}

/// Plays it through and returns what was heard, also when it got stuck, with the reason why.
pub async fn play(scenario: &Scenario, doors: &Endpoints) -> (Recording, Result<(), String>) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let mut player = Player {
        doors,
        sockets: Vec::new(),
        voices: Vec::new(),
        mark: format!("~{}~", RUNS.fetch_add(1, Ordering::Relaxed)),
        ids: BTreeMap::new(),
        births: HashMap::new(),
        hidden: 0,
        last_keepalive: Instant::now(),
    };
    let outcome = player.run(scenario).await;
    player.leave().await;
    let track = |socket: &Socket| recording::track(&socket.name, &socket.said, &player.ids, &player.mark);
    (player.sockets.iter().map(track).collect(), outcome)
}

impl Player<'_> {
    async fn run(&mut self, scenario: &Scenario) -> Result<(), String> {
        for step in &scenario.steps {
            if step.only.is_none_or(|only| only == self.doors.server) {
                let done = self.step(step).await;
                done.map_err(|why| format!("line {}, {}: {why}", step.line, step.text))?;
            }
        }
        fence::raise(self).await.map_err(|why| format!("at the end: {why}"))
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if step.action == Action::Talk {
            let [caller, callee] = &step.who[..] else { return Err("two can talk".to_owned()) };
            return self.talk(caller, callee).await;
        }
        for who in &step.who {
            self.act(who, &step.action).await?;
        }
        Ok(())
    }

    async fn act(&mut self, who: &str, act: &Action) -> Result<(), String> {
        match act {
            Action::Connect { beside } => self.connect(who, beside.as_deref()).await,
            Action::Join { whom, session } => self.join(who, whom, *session),
            Action::TakeOver(whom) => self.take_over(who, whom),
            Action::Arrive { named } => self.arrive(who, *named).await,
            Action::Ring(whom) => self.ring(who, whom).await,
            Action::Talk => unreachable!("two talk, see step"),
            Action::Send { quickly, verb, more } => self.send(who, verb, more, *quickly).await,
            Action::Request { quickly, request, more, jsep } => {
                self.ask(who, request, more, jsep.as_deref(), *quickly).await
            }
            Action::Write(text) => self.write(who, text).await,
            Action::Receive(labels) => self.hear_all(who, labels).await,
            Action::StayAwake => self.actor(who).map(|voice| voice.awake = true),
            Action::Drop => self.socket(who).map(Socket::let_go),
            Action::Close => {
                self.socket(who)?.close().await;
                Ok(())
            }
        }
    }

    /// A number for an unrecorded transaction.
    pub fn next_hidden(&mut self) -> usize {
        self.hidden += 1;
        self.hidden
    }

    pub fn actor(&mut self, name: &str) -> Result<&mut Actor, String> {
        self.voices.iter_mut().find(|voice| voice.name == name).ok_or_else(|| format!("who is {name}?"))
    }

    pub fn socket(&mut self, name: &str) -> Result<&mut Socket, String> {
        let place = self.actor(name)?.socket;
        Ok(&mut self.sockets[place])
    }

    async fn connect(&mut self, who: &str, beside: Option<&str>) -> Result<(), String> {
        let door = match beside {
            Some(other) => self.socket(other)?.endpoint,
            None => self.sockets.len(),
        };
        let socket = Socket::open(who, self.doors.url(door), door).await?;
        self.sockets.push(socket);
        let place = self.sockets.len() - 1;
        match self.actor(who) {
            Ok(voice) => voice.socket = place,
            Err(_) => self.voices.push(Actor::new(who, place)),
        }
        Ok(())
    }

    fn join(&mut self, who: &str, whom: &str, session: bool) -> Result<(), String> {
        let other = self.actor(whom)?.clone();
        let mut voice = Actor::new(who, other.socket);
        voice.session = other.session.filter(|_| session);
        self.voices.push(voice);
        Ok(())
    }

    fn take_over(&mut self, who: &str, whom: &str) -> Result<(), String> {
        let other = self.actor(whom)?.clone();
        let voice = self.actor(who)?;
        (voice.session, voice.handle) = (other.session, other.handle);
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
        match named {
            true => self.ask(who, "register", &format!(r#"{{"username":"${who}"}}"#), None, false).await,
            false => Ok(()),
        }
    }

    async fn ring(&mut self, caller: &str, callee: &str) -> Result<(), String> {
        let callee_name = format!(r#"{{"username":"${callee}"}}"#);
        self.ask(caller, "call", &callee_name, Some("$offer"), false).await?;
        self.hear(callee, "@incomingcall").await?;
        for who in [caller, callee] {
            if self.doors.full_trickle {
                self.hear(who, "trickle completed").await?;
            }
        }
        Ok(())
    }

    async fn talk(&mut self, caller: &str, callee: &str) -> Result<(), String> {
        self.ring(caller, callee).await?;
        self.ask(callee, "accept", "", Some("$answer"), false).await?;
        self.hear(caller, "@accepted").await
    }

    /// The text with everything filled in that stands for something.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        fill::fill(text, &Names { voices: &self.voices, mark: &self.mark })
    }

    /// Learns the id that a `create` or `attach` made.
    pub fn note_birth(&mut self, message: &Json) {
        let Some(id) = message.number(&["data", "id"]) else { return };
        let Some(who) = self.births.remove(message.text(&["transaction"])) else { return };
        let Some(voice) = self.voices.iter_mut().find(|voice| voice.name == who) else { return };
        let is_handle = message.get("session_id").is_some();
        let slot = if is_handle { &mut voice.handle } else { &mut voice.session };
        *slot = Some(id);
        let kind = if is_handle { "handle" } else { "session" };
        let name = format!("{who}.{kind}");
        let alike = self.ids.values().filter(|known| known.starts_with(&name)).count();
        let name = if alike == 0 { name } else { format!("{name}{}", alike + 1) };
        self.ids.entry(id).or_insert(name);
    }

    pub async fn keep_awake(&mut self) -> Result<(), String> {
        if self.last_keepalive.elapsed() < AWAKE {
            return Ok(());
        }
        self.last_keepalive = Instant::now();
        for voice in self.voices.iter().filter(|voice| voice.awake) {
            let keepalive =
                json!({"janus": "keepalive", "transaction": UNRECORDED, "session_id": voice.session});
            self.sockets[voice.socket].send(&keepalive.to_string()).await?;
        }
        Ok(())
    }

    /// Ends every session, so that nothing of this play is in the way of the next.
    async fn leave(&mut self) {
        for voice in &self.voices {
            let destroy = json!({"janus": "destroy", "transaction": UNRECORDED, "session_id": voice.session});
            let socket = &mut self.sockets[voice.socket];
            if socket.is_open() && voice.session.is_some() {
                // What fails here has ended already.
                let _ = socket.send(&destroy.to_string()).await;
            }
        }
        for socket in &mut self.sockets {
            socket.close().await;
        }
    }
}

/// Whether a play speaks to a Switchboard.
pub fn is_switchboard(doors: &Endpoints) -> bool {
    doors.server == Server::Switchboard
}
