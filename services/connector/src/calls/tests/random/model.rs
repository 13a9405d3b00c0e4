//! Four calls, of which two are with peers' users, a Janus that answers when, what and in which order it
//! likes, and clients that say on their legs whatever they want. It watches what the connector does about it.

use super::proxies;
use crate::calls::Calls;
use crate::calls::action::{Action, EndedCall, FinalNotices};
use crate::calls::proxy_leg::INCOMING_CALL_TIMEOUT;
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

/// What is known of a call.
#[derive(Default)]
pub(super) struct Story {
    places: u32,
    ends: u32,
    answers: u32,
    pub(super) joined: [bool; 2],
    /// Its peer knows whether it may call.
    is_peer_answered: bool,
}

impl Story {
    fn is_live(&self) -> bool {
        self.places > self.ends
    }
}

/// All that the connector talks to.
pub struct World {
    calls: Calls,
    now: Instant,
    pub(super) ids: [CallId; CALLS],
    pub(super) stories: [Story; CALLS],
    /// The peer is asked for this call.
    pub(super) asked: BTreeSet<CallId>,
    /// What Janus has not answered yet.
    unanswered: Vec<Value>,
    /// The handles on Janus, and for which call.
    pub(super) handles: BTreeMap<u64, String>,
    last_handle: u64,
}

impl Default for World {
    fn default() -> Self {
        let now = Instant::now();
        let mut calls = Calls::new(config(), 0, now);
        calls.on_janus_up(1);
        let (ids, stories) = (std::array::from_fn(|_| CallId::fresh()), Default::default());
        let handles = BTreeMap::new();
        let (asked, unanswered) = Default::default();
        Self { calls, now, ids, stories, asked, unanswered, handles, last_handle: 0 }
    }
}

impl World {
    /// One thing happens.
    pub fn step(&mut self, what: u8, which: u8, how: u8) {
        let call = usize::from(which) % CALLS;
        let side = if which & 64 == 0 { Side::Caller } else { Side::Callee };
        match what {
            0 => self.is_placed(call),
            1 => self.says(Body::End(End { call: self.ids[call], cause: EndCause::gone(side) })),
            2 => self.client_says(call, side, how),
            3..=12 => self.janus_answers(usize::from(which), how),
            13 => self.janus_says(usize::from(which), how),
            15 | 16 => self.peer_says(call, how),
            14 if how < 16 => self.janus_is_lost(),
            _ => self.time_passes(Duration::from_millis(u64::from(which) * 8)),
        }
    }

    /// All calls end, Janus answers everything, and nothing is left.
    pub fn settles(&mut self) {
        for call in self.ids {
            self.says(Body::End(End { call, cause: EndCause::CallerGone }));
        }
        while !self.unanswered.is_empty() {
            self.janus_answers(0, 255);
        }
        self.time_passes(INCOMING_CALL_TIMEOUT);
        assert!(self.calls.is_empty(), "{:?}", self.calls);
        assert!(self.handles.is_empty(), "left on Janus: {:?}", self.handles);
        for (call, story) in self.stories.iter().enumerate() {
            let answers = if proxies::is_invited(call) { 0 } else { story.places };
            assert_eq!((story.ends, story.answers), (story.places, answers));
        }
    }

    fn is_placed(&mut self, call: usize) {
        let story = &mut self.stories[call];
        if !story.is_live() {
            story.places += 1;
            (story.joined, story.is_peer_answered) = ([false; 2], false);
        }
        let id = self.ids[call];
        let message = Message { id: id.into(), ..Message::new(Body::Place(proxies::placing(call, id))) };
        let acts = self.calls.on_message(message, AckGuard::default(), self.now);
        self.watch(acts);
    }

    /// Only a client that knows of the call says something on its leg.
    fn client_says(&mut self, call: usize, side: Side, how: u8) {
        if !self.stories[call].joined[side as usize] {
            return;
        }
        let leg = LegRef { call: self.ids[call], side };
        let request = |name: &str| {
            let (transaction, body) = (Some("t".to_owned()), raw(&json!({"request": name})));
            Body::Request(LegRequest { leg, transaction, body, jsep: None })
        };
        self.says(match how % 8 {
            0 => Body::Hangup(leg),
            1 => request("hangup"),
            2 => request("set"),
            3 | 4 => Body::Trickle(Trickle { leg, candidates: vec![raw(&how)] }),
            _ => request("accept"),
        });
    }

    pub(super) fn says(&mut self, body: Body) {
        let acts = self.calls.on_message(Message::new(body), AckGuard::default(), self.now);
        self.watch(acts);
    }

    /// Janus does one of the things it was asked for, or refuses it.
    fn janus_answers(&mut self, which: usize, how: u8) {
        if self.unanswered.is_empty() {
            return;
        }
        let request = self.unanswered.remove(which % self.unanswered.len());
        match (request["janus"].as_str().unwrap(), how) {
            (_, 0..4) => self.janus(json!({"janus": "error", "transaction": request["transaction"],
                "error": {"code": 490, "reason": "no"}})),
            ("attach", _) => self.attaches(&request),
            (_, 4..8) => self.plugin_answers(&request, json!({"error_code": 499, "error": "no"})),
            _ => self.does(&request, how),
        }
    }

    fn attaches(&mut self, request: &Value) {
        self.last_handle += 1;
        self.handles.insert(self.last_handle, request["opaque_id"].as_str().unwrap().to_owned());
        self.janus(json!({"janus": "success", "transaction": request["transaction"],
            "data": {"id": self.last_handle}}));
    }

    fn does(&mut self, request: &Value, how: u8) {
        let (event, to_peer) = match request["body"]["request"].as_str().unwrap() {
            "register" => ("registered", None),
            "call" if how < 16 => ("hangup", None),
            "call" => ("calling", Some("incomingcall")),
            "accept" => ("accepted", Some("accepted")),
            _ => ("set", None),
        };
        let peer = to_peer.zip(self.peer_of(request["handle_id"].as_u64().unwrap()));
        let answer = json!({"result": {"event": event}});
        match peer {
            Some((event, peer)) if how.is_multiple_of(2) => {
                self.notifies(peer, event);
                self.plugin_answers(request, answer);
            }
            Some((event, peer)) => {
                self.plugin_answers(request, answer);
                self.notifies(peer, event);
            }
            None => self.plugin_answers(request, answer),
        }
    }

    fn peer_of(&self, handle: u64) -> Option<u64> {
        let call = self.handles.get(&handle)?;
        self.handles.iter().find(|(peer, its)| **peer != handle && *its == call).map(|(peer, _)| *peer)
    }

    fn plugin_answers(&mut self, request: &Value, data: Value) {
        self.janus(json!({"janus": "event", "sender": request["handle_id"],
            "transaction": request["transaction"], "plugindata": {"data": data}}));
    }

    fn notifies(&mut self, handle: u64, event: &str) {
        self.notifies_of(handle, event, "mallory");
    }

    /// It names somebody.
    pub(super) fn notifies_of(&mut self, handle: u64, event: &str, username: &str) {
        self.janus(json!({"janus": "event", "sender": handle,
            "plugindata": {"data": {"result": {"event": event, "username": username}}}}));
    }

    /// Janus says something of its own accord to one of its handles.
    fn janus_says(&mut self, which: usize, how: u8) {
        let handles: Vec<u64> = self.handles.keys().copied().collect();
        let Some(&handle) = handles.get(which % handles.len().max(1)) else { return };
        match how % 16 {
            0 => self.notifies(handle, "hangup"),
            1 => self.janus(json!({"janus": "hangup", "sender": handle, "reason": "Close PC"})),
            2 => self.janus(json!({"janus": "hangup", "sender": handle, "reason": "ICE failed"})),
            3..=6 => self.notifies(handle, "update"),
            7..=10 => self.janus(json!({"janus": "trickle", "sender": handle, "candidate": {}})),
            _ => self.janus(json!({"janus": "media", "sender": handle})),
        }
    }

    fn janus(&mut self, message: Value) {
        let acts = self.calls.on_janus(FromJanus::read(&message.to_string()), self.now);
        self.watch(acts);
    }

    fn janus_is_lost(&mut self) {
        self.handles.clear();
        self.unanswered.clear();
        let acts = self.calls.on_janus_down("gone", self.now);
        self.watch(acts);
        self.calls.on_janus_up(self.last_handle + 1);
    }

    fn time_passes(&mut self, time: Duration) {
        self.now += time;
        let acts = self.calls.on_timer(self.now);
        self.watch(acts);
        assert!(self.calls.next_timer().is_none_or(|due| due > self.now), "what is due is done");
    }

    fn watch(&mut self, acts: Vec<Action>) {
        for act in acts {
            match act {
                Action::SendToJanus(text) => self.janus_hears(serde_json::from_str(&text).unwrap()),
                Action::SendToEdge(_, events) => self.is_told(&events),
                Action::ReplyToRest(_, answer) => self.story(answer.call).is_peer_answered = true,
                Action::InviteProxy(ask, _) => assert!(self.asked.insert(ask.call), "asked twice"),
                Action::EndCall(ended) => self.has_ended(ended),
                Action::Log(_) | Action::SaveCall(_) | Action::JanusTimeout => {}
                Action::DestroySession(_) | Action::RestoreCall(..) => {
                    unreachable!("there is no former connector")
                }
            }
        }
    }

    fn has_ended(&mut self, ended: EndedCall) {
        let EndedCall {
            call, notices: FinalNotices { client_events: tell, proxy_refusal: refused, .. }, ..
        } = ended;
        tell.iter().for_each(|(_, events)| self.is_told(events));
        self.asked.remove(&call);
        let is_invited = self.ids.iter().position(|id| *id == call).is_some_and(proxies::is_invited);
        let story = self.story(call);
        if story.is_live() {
            story.ends += 1;
            assert_eq!(refused.is_some(), is_invited && !story.is_peer_answered, "a peer has one answer");
        }
    }

    fn janus_hears(&mut self, request: Value) {
        match request["janus"].as_str().unwrap() {
            "detach" => {
                let known = self.handles.remove(&request["handle_id"].as_u64().unwrap());
                assert!(known.is_some(), "detached twice or never attached: {request}");
            }
            "trickle" => assert!(self.handles.contains_key(&request["handle_id"].as_u64().unwrap())),
            _ => self.unanswered.push(request),
        }
    }

    fn is_told(&mut self, events: &Events) {
        let call = events.call.unwrap();
        let story = self.story(call);
        assert!(story.is_live(), "told of a call that is not: {events:?}");
        story.answers += u32::from(events.in_reply_to == Some(call.into()));
        if let Some(Change::Joined { side, .. }) = events.change {
            assert!(!std::mem::replace(&mut story.joined[side as usize], true), "joined twice");
        }
    }

    fn story(&mut self, call: CallId) -> &mut Story {
        let place = self.ids.iter().position(|id| *id == call).unwrap();
        &mut self.stories[place]
    }
}
