//! Drives four calls, two of them with a remote user. Janus replies when, what and in which order it
//! likes, and clients send anything on their legs. The model checks the actions that follow.

use super::proxies;
use crate::calls::Calls;
use crate::calls::action::{Action, EndedCall, FinalNotices};
use crate::calls::leg::INCOMING_CALL_TIMEOUT;
use crate::calls::tests::config;
use crate::janus::message::FromJanus;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Change, End, EndCause, Events, LegRef, LegRequest, Message, Trickle};
use common::CallId;
use protocol::{Side, raw};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

const CALLS: usize = 4;

/// What has happened to a call.
#[derive(Default)]
pub(super) struct CallModel {
    places: u32,
    ends: u32,
    /// How many replies the caller's request got.
    replies: u32,
    pub(super) joined: [bool; 2],
    /// The proxy of the remote caller knows whether it may call.
    has_proxy_reply: bool,
}

impl CallModel {
    fn is_live(&self) -> bool {
        self.places > self.ends
    }
}

/// Everything that the connector communicates with.
pub struct Model {
    calls: Calls,
    now: Instant,
    pub(super) ids: [CallId; CALLS],
    pub(super) models: [CallModel; CALLS],
    /// The calls whose proxy was invited.
    pub(super) invited: BTreeSet<CallId>,
    /// The requests that Janus has not replied to yet.
    unanswered: Vec<Value>,
    /// The call of each handle on Janus.
    pub(super) handles: BTreeMap<u64, String>,
    last_handle: u64,
}

impl Default for Model {
    fn default() -> Self {
        let now = Instant::now();
        let mut calls = Calls::new(config(), 0, now);
        calls.on_janus_up(1);
        Self {
            calls,
            now,
            ids: std::array::from_fn(|_| CallId::fresh()),
            models: Default::default(),
            invited: BTreeSet::new(),
            unanswered: Vec::new(),
            handles: BTreeMap::new(),
            last_handle: 0,
        }
    }
}

impl Model {
    /// Takes one random step.
    pub fn step(&mut self, what: u8, which: u8, how: u8) {
        let call = usize::from(which) % CALLS;
        let side = if which & 64 == 0 { Side::Caller } else { Side::Callee };
        match what {
            0 => self.place(call),
            1 => self.receive(Body::End(End { call: self.ids[call], cause: EndCause::gone(side) })),
            2 => self.client_sends(call, side, how),
            3..=12 => self.janus_replies(usize::from(which), how),
            13 => self.janus_notifies(usize::from(which), how),
            15 | 16 => self.proxy_step(call, how),
            14 if how < 16 => self.janus_down(),
            _ => self.advance(Duration::from_millis(u64::from(which) * 8)),
        }
    }

    /// Ends all calls, lets Janus reply to everything, and checks that nothing is left.
    pub fn finish(&mut self) {
        for call in self.ids {
            self.receive(Body::End(End { call, cause: EndCause::CallerGone }));
        }
        while !self.unanswered.is_empty() {
            self.janus_replies(0, 255);
        }
        self.advance(INCOMING_CALL_TIMEOUT);
        assert!(self.calls.is_empty(), "{:?}", self.calls);
        assert!(self.handles.is_empty(), "left on Janus: {:?}", self.handles);
        for (call, model) in self.models.iter().enumerate() {
            let replies = if proxies::is_incoming(call) { 0 } else { model.places };
            assert_eq!((model.ends, model.replies), (model.places, replies));
        }
    }

    fn place(&mut self, call: usize) {
        let model = &mut self.models[call];
        if !model.is_live() {
            model.places += 1;
            (model.joined, model.has_proxy_reply) = ([false; 2], false);
        }
        let id = self.ids[call];
        let message = Message { id: id.into(), ..Message::new(Body::Place(proxies::place(call, id))) };
        let actions = self.calls.on_message(message, AckGuard::default(), self.now);
        self.check(actions);
    }

    /// A client sends something on its leg, if it knows of the call.
    fn client_sends(&mut self, call: usize, side: Side, how: u8) {
        if !self.models[call].joined[side as usize] {
            return;
        }
        let leg = LegRef { call: self.ids[call], side };
        let request = |name: &str| {
            let (transaction, body) = (Some("t".to_owned()), raw(&json!({"request": name})));
            Body::Request(LegRequest { leg, transaction, body, jsep: None })
        };
        self.receive(match how % 8 {
            0 => Body::Hangup(leg),
            1 => request("hangup"),
            2 => request("set"),
            3 | 4 => Body::Trickle(Trickle { leg, candidates: vec![raw(&how)] }),
            _ => request("accept"),
        });
    }

    pub(super) fn receive(&mut self, body: Body) {
        let actions = self.calls.on_message(Message::new(body), AckGuard::default(), self.now);
        self.check(actions);
    }

    /// Janus handles one of its requests, or refuses it.
    fn janus_replies(&mut self, which: usize, how: u8) {
        if self.unanswered.is_empty() {
            return;
        }
        let request = self.unanswered.remove(which % self.unanswered.len());
        match (request["janus"].as_str().unwrap(), how) {
            (_, 0..4) => self.janus(json!({"janus": "error", "transaction": request["transaction"],
                "error": {"code": 490, "reason": "no"}})),
            ("attach", _) => self.attach(&request),
            (_, 4..8) => self.plugin_reply(&request, json!({"error_code": 499, "error": "no"})),
            _ => self.plugin_handles(&request, how),
        }
    }

    fn attach(&mut self, request: &Value) {
        self.last_handle += 1;
        self.handles.insert(self.last_handle, request["opaque_id"].as_str().unwrap().to_owned());
        self.janus(json!({"janus": "success", "transaction": request["transaction"],
            "data": {"id": self.last_handle}}));
    }

    fn plugin_handles(&mut self, request: &Value, how: u8) {
        let (event, for_peer) = match request["body"]["request"].as_str().unwrap() {
            "register" => ("registered", None),
            "call" if how < 16 => ("hangup", None),
            "call" => ("calling", Some("incomingcall")),
            "accept" => ("accepted", Some("accepted")),
            _ => ("set", None),
        };
        let notified = for_peer.zip(self.peer_of(request["handle_id"].as_u64().unwrap()));
        let reply = json!({"result": {"event": event}});
        match notified {
            Some((notification, peer)) if how.is_multiple_of(2) => {
                self.notify(peer, notification);
                self.plugin_reply(request, reply);
            }
            Some((notification, peer)) => {
                self.plugin_reply(request, reply);
                self.notify(peer, notification);
            }
            None => self.plugin_reply(request, reply),
        }
    }

    fn peer_of(&self, handle: u64) -> Option<u64> {
        let call = self.handles.get(&handle)?;
        self.handles.iter().find(|(peer, its)| **peer != handle && *its == call).map(|(peer, _)| *peer)
    }

    fn plugin_reply(&mut self, request: &Value, data: Value) {
        self.janus(json!({"janus": "event", "sender": request["handle_id"],
            "transaction": request["transaction"], "plugindata": {"data": data}}));
    }

    fn notify(&mut self, handle: u64, event: &str) {
        self.notify_of(handle, event, "mallory");
    }

    /// The plugin sends an event about this user.
    pub(super) fn notify_of(&mut self, handle: u64, event: &str, username: &str) {
        self.janus(json!({"janus": "event", "sender": handle,
            "plugindata": {"data": {"result": {"event": event, "username": username}}}}));
    }

    /// Janus sends an unsolicited event to one of its handles.
    fn janus_notifies(&mut self, which: usize, how: u8) {
        let handles: Vec<u64> = self.handles.keys().copied().collect();
        let Some(&handle) = handles.get(which % handles.len().max(1)) else { return };
        match how % 16 {
            0 => self.notify(handle, "hangup"),
            1 => self.janus(json!({"janus": "hangup", "sender": handle, "reason": "Close PC"})),
            2 => self.janus(json!({"janus": "hangup", "sender": handle, "reason": "ICE failed"})),
            3..=6 => self.notify(handle, "update"),
            7..=10 => self.janus(json!({"janus": "trickle", "sender": handle, "candidate": {}})),
            _ => self.janus(json!({"janus": "media", "sender": handle})),
        }
    }

    fn janus(&mut self, message: Value) {
        let actions = self.calls.on_janus(FromJanus::read(&message.to_string()), self.now);
        self.check(actions);
    }

    fn janus_down(&mut self) {
        self.handles.clear();
        self.unanswered.clear();
        let actions = self.calls.on_janus_down("gone", self.now);
        self.check(actions);
        self.calls.on_janus_up(self.last_handle + 1);
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        let actions = self.calls.on_timer(self.now);
        self.check(actions);
        assert!(self.calls.next_timer().is_none_or(|due| due > self.now), "a timer is still due");
    }

    fn check(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::SendToJanus(text) => self.on_janus_request(serde_json::from_str(&text).unwrap()),
                Action::SendToEdge(_, events) => self.on_client_events(&events),
                Action::ReplyToRest(_, reply) => self.model(reply.call).has_proxy_reply = true,
                Action::InviteProxy(invite, _) => {
                    assert!(self.invited.insert(invite.call), "invited twice");
                }
                Action::EndCall(ended) => self.on_ended(ended),
                Action::Log(_) | Action::SaveCall(_) | Action::ReportSetup(..) => {}
                Action::DestroySession(_) | Action::RestoreCall(..) => {
                    unreachable!("there is no former connector")
                }
            }
        }
    }

    fn on_ended(&mut self, ended: EndedCall) {
        let EndedCall { call, notices: FinalNotices { client_events, proxy_refusal, .. }, .. } = ended;
        client_events.iter().for_each(|(_, events)| self.on_client_events(events));
        self.invited.remove(&call);
        let is_incoming = self.ids.iter().position(|id| *id == call).is_some_and(proxies::is_incoming);
        let model = self.model(call);
        if model.is_live() {
            model.ends += 1;
            let awaits_reply = is_incoming && !model.has_proxy_reply;
            assert_eq!(proxy_refusal.is_some(), awaits_reply, "a proxy gets one reply");
        }
    }

    fn on_janus_request(&mut self, request: Value) {
        match request["janus"].as_str().unwrap() {
            "detach" => {
                let known = self.handles.remove(&request["handle_id"].as_u64().unwrap());
                assert!(known.is_some(), "detached twice or never attached: {request}");
            }
            "trickle" => assert!(self.handles.contains_key(&request["handle_id"].as_u64().unwrap())),
            _ => self.unanswered.push(request),
        }
    }

    fn on_client_events(&mut self, events: &Events) {
        let call = events.call.unwrap();
        let model = self.model(call);
        assert!(model.is_live(), "events of a call that has ended: {events:?}");
        model.replies += u32::from(events.in_reply_to == Some(call.into()));
        if let Some(Change::Joined { side, .. }) = events.change {
            assert!(!std::mem::replace(&mut model.joined[side as usize], true), "joined twice");
        }
    }

    fn model(&mut self, call: CallId) -> &mut CallModel {
        let index = self.ids.iter().position(|id| *id == call).unwrap();
        &mut self.models[index]
    }
}
