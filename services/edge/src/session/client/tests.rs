//! The state machine of a connection: who may use which session, and when sessions expire.

mod auth;
mod paths;
mod random;
mod snapshot;
mod timeouts;

use super::{Client, Outcome};
use crate::auth::Auth;
use crate::options::Limits;
use crate::session::action::Action;
use bus::message::{Body, Change, Events};
use common::{BackendName, CallId, ServiceId};
use protocol::object::LazyObject;
use protocol::server_info::ServerInfo;
use protocol::{HandleId, HandleRef, SessionId, Side};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
const RECLAIM_TIMEOUT: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(1);

/// A connection with a clock that the test moves.
struct Harness {
    client: Client,
    now: Instant,
}

fn connected() -> Harness {
    connected_with(Some(SESSION_TIMEOUT))
}

fn connected_with(session_timeout: Option<Duration>) -> Harness {
    connected_under(Limits {
        session_timeout,
        reclaim_timeout: RECLAIM_TIMEOUT,
        max_sessions: 3,
        max_handles: 4,
        auth: Auth::default(),
    })
}

fn connected_under(limits: Limits) -> Harness {
    let limits = Arc::new(limits);
    let info = Arc::new(ServerInfo {
        server_name: "edge-1".to_owned(),
        version_string: "0".to_owned(),
        session_timeout: 60,
        reclaim_session_timeout: 30,
        accepting_new_sessions: true,
        api_secret: false,
        auth_token: false,
    });
    Harness { client: Client::new(ServiceId::from("edge-1"), limits, info), now: Instant::now() }
}

impl Harness {
    fn with_session(mut self, id: u64) -> Self {
        self.client.add_created(SessionId(id), None, self.now);
        self
    }

    fn request(&mut self, mut request: Value) -> Outcome {
        request["transaction"] = json!("t");
        let text = request.to_string();
        self.client.on_request(LazyObject::parse(&text).unwrap(), self.now)
    }

    /// Sends a request and returns its reply.
    fn reply(&mut self, request: Value) -> Value {
        let text = match self.request(request) {
            Outcome::Reply(text) | Outcome::Refuse(text, _) => text,
            Outcome::Perform(actions) | Outcome::AfterPersist(_, actions) | Outcome::End(_, actions) => {
                client_texts(&actions).into_iter().next().unwrap()
            }
            other => panic!("no reply: {other:?}"),
        };
        serde_json::from_str(&text).unwrap()
    }

    /// The error code of the reply, 0 for none.
    fn code(&mut self, request: Value) -> u64 {
        self.reply(request)["error"]["code"].as_u64().unwrap_or(0)
    }

    fn attach(&mut self, session: u64) -> u64 {
        let reply =
            self.reply(json!({"janus": "attach", "session_id": session, "plugin": "janus.plugin.videocall"}));
        reply["data"]["id"].as_u64().unwrap_or_else(|| panic!("not attached: {reply}"))
    }

    /// A handle that routers know of.
    fn attach_registered(&mut self, session: u64) -> u64 {
        let handle = self.attach(session);
        let body = json!({"request": "register", "username": "alice"});
        self.request(json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body}));
        handle
    }

    fn after(&mut self, time: Duration) -> (Vec<u64>, Vec<String>) {
        self.now += time;
        let (expired, actions) = self.client.on_timer(self.now);
        (expired.into_iter().map(|id| id.0).collect(), summaries(&actions))
    }

    fn due_in(&self) -> Option<Duration> {
        self.client.next_timer().map(|at| at - self.now)
    }
}

fn client_texts(actions: &[Action]) -> Vec<String> {
    let text =
        |action: &Action| if let Action::SendToClient(_, text) = action { Some(text.clone()) } else { None };
    actions.iter().filter_map(text).collect()
}

/// `7: timeout` for a message to the client of session 7, `release` for one on the bus.
fn summaries(actions: &[Action]) -> Vec<String> {
    let short = |action: &Action| match action {
        Action::SendToClient(session, text) => {
            let text: Value = serde_json::from_str(text).unwrap();
            format!("{session}: {}", text["janus"].as_str().unwrap())
        }
        Action::Publish(_, message, _) => message.body.kind().to_owned(),
    };
    actions.iter().map(short).collect()
}

/// An incoming call for a handle.
fn incoming(session: u64, handle: u64) -> Events {
    let change = Some(Change::Joined { backend: BackendName::from("a"), side: Side::Callee });
    let who = HandleRef { session: SessionId(session), handle: HandleId(handle) };
    Events { call: Some(CallId::fresh()), change, ..Events::for_handle(who, vec![]) }
}
