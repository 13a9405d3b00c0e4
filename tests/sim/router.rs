//! What routers do, by the rules of `services/router/src/verbs/`, each request in one step. Here are
//! the directory's own promises too: a handle is in one call, a call has two sides.

use bus::message::{
    Address, Body, Change, ClientEvent, ClientRequest, End, EndCause, Events, Message, Party, Place,
};
use protocol::videocall::{self, PluginError};
use protocol::{BackendName, CallId, HandleRef, MessageId, Raw, ServiceId, Side, raw};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A handle that has registered.
struct Handle {
    edge: ServiceId,
    name: Option<String>,
    call: Option<CallId>,
}

/// A call and its sides.
pub struct Call {
    backend: usize,
    sides: [HandleRef; 2],
}

/// What a router sends.
pub enum Out {
    /// To an edge.
    Edge(ServiceId, Events),
    /// To a backend.
    Backend(usize, Message),
}

/// A router and the directory.
#[derive(Default)]
pub struct Router {
    names: BTreeMap<String, HandleRef>,
    handles: BTreeMap<HandleRef, Handle>,
    pub calls: BTreeMap<CallId, Call>,
    placed: usize,
}

/// The name of a backend.
pub fn backend(number: usize) -> BackendName {
    BackendName(number.to_string())
}

impl Router {
    /// Does what is asked.
    pub fn work(&mut self, message: &Message) -> Vec<Out> {
        match &message.body {
            Body::Register(asks) => self.register(message.id, asks),
            Body::Call(asks) => match self.call(message, asks) {
                Ok(out) => vec![out],
                Err(data) => vec![answer(message.id, asks, None, data)],
            },
            Body::List(asks) | Body::Exists(asks) => {
                let names: Vec<String> = self.names.keys().cloned().collect();
                vec![answer(message.id, asks, None, videocall::list(&names))]
            }
            Body::Release(release) => {
                let freed = release.tell.clone().map(|edge| released(message.id, release.who, edge));
                self.release(release.who).into_iter().chain(freed).collect()
            }
            Body::Abandon(abandoned) => self.end(abandoned.call, abandoned.who).into_iter().collect(),
            other => panic!("not for a router: {}", other.kind()),
        }
    }

    fn register(&mut self, id: MessageId, asks: &ClientRequest) -> Vec<Out> {
        let (who, name) = (asks.from.handle_ref(), username(asks));
        let new = || Handle { edge: asks.from.edge.clone(), name: None, call: None };
        let own = &mut self.handles.entry(who).or_insert_with(new).name;
        if let Some(own) = own {
            return vec![answer(id, asks, None, videocall::error(&PluginError::already_registered(own)))];
        }
        *own = Some(name.clone());
        let before = self.names.insert(name.clone(), who);
        let displaced = before.and_then(|before| self.displace(before, &name));
        let data = videocall::event("registered", Some(&name), None);
        displaced.into_iter().chain([answer(id, asks, Some(Change::Registered(name)), data)]).collect()
    }

    fn displace(&mut self, who: HandleRef, name: &str) -> Option<Out> {
        let handle = self.handles.get_mut(&who)?;
        handle.name = None;
        let data = videocall::event("unregistered", Some(name), None);
        let event = ClientEvent::Plugin { transaction: None, data, jsep: None };
        let change = Some(Change::Displaced(name.to_owned()));
        let HandleRef { session, handle: id } = who;
        let events = Events {
            session,
            handle: id,
            call: None,
            stamp: None,
            answers: None,
            change,
            events: vec![event],
        };
        Some(Out::Edge(handle.edge.clone(), events))
    }

    fn call(&mut self, message: &Message, asks: &ClientRequest) -> Result<Out, Raw> {
        let refused = |error| videocall::error(&error);
        let (id, caller) = (CallId::from(message.id), asks.from.handle_ref());
        let own = self.handles.get(&caller).filter(|handle| handle.name.is_some());
        let own = own.ok_or_else(|| refused(PluginError::register_first()))?;
        let name = own.name.clone().unwrap();
        if own.call.is_some() {
            return Err(refused(PluginError::already_in_call()));
        }
        let wanted = username(asks);
        let callee =
            *self.names.get(&wanted).ok_or_else(|| refused(PluginError::no_such_username(&wanted)))?;
        if callee == caller {
            return Err(refused(PluginError::use_echo_test()));
        }
        if self.handles[&callee].call.is_some() {
            return Err(videocall::event("hangup", Some(&name), Some("User busy")));
        }
        let offer = asks.jsep.clone().ok_or_else(|| refused(PluginError::missing_sdp()))?;
        let parties = [self.takes(caller, name, id), self.takes(callee, wanted, id)];
        Ok(self.places(message, parties, asks.transaction.clone(), offer))
    }

    fn takes(&mut self, who: HandleRef, username: String, call: CallId) -> Party {
        let handle = self.handles.get_mut(&who).unwrap();
        assert_eq!(handle.call.replace(call), None, "a handle is in one call");
        let address = Address { edge: handle.edge.clone(), session: who.session, handle: who.handle };
        Party { username, address }
    }

    fn places(&mut self, message: &Message, parties: [Party; 2], transaction: String, offer: Raw) -> Out {
        self.placed += 1;
        let (call, backend) = (CallId::from(message.id), self.placed % 2);
        let sides = [parties[0].address.handle_ref(), parties[1].address.handle_ref()];
        self.calls.insert(call, Call { backend, sides });
        let [caller, callee] = parties;
        let body = Body::Place(Place { call, caller, callee, transaction, offer });
        Out::Backend(backend, Message { body, ..message.clone() })
    }

    fn release(&mut self, who: HandleRef) -> Vec<Out> {
        let Some(handle) = self.handles.get(&who) else { return Vec::new() };
        let call = handle.call;
        self.names.retain(|_, owner| *owner != who);
        let out = call.and_then(|call| self.end(call, who));
        self.handles.remove(&who);
        out.into_iter().collect()
    }

    fn end(&mut self, id: CallId, who: HandleRef) -> Option<Out> {
        let call = self.calls.get(&id)?;
        let side = if call.sides[0] == who { Side::Caller } else { Side::Callee };
        let end = Body::End(End { call: id, cause: EndCause::gone(side) });
        Some(Out::Backend(call.backend, Message::new(end)))
    }

    /// A call is over: its handles are free.
    pub fn free(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(&id) else { return };
        for who in call.sides {
            if let Some(handle) = self.handles.get_mut(&who) {
                handle.call.take_if(|current| *current == id);
            }
        }
    }

    /// Which handle is on this side of a call, while the call is known.
    pub fn side(&self, call: CallId, side: Side) -> Option<HandleRef> {
        self.calls.get(&call).map(|call| call.sides[side as usize])
    }

    /// Whether a handle is in a call.
    pub fn is_busy(&self, who: HandleRef) -> bool {
        self.handles.get(&who).is_some_and(|handle| handle.call.is_some())
    }

    /// What of anybody is left.
    pub fn left(&self) -> (usize, usize, usize) {
        (self.names.len(), self.handles.len(), self.calls.len())
    }
}

fn username(asks: &ClientRequest) -> String {
    let body: Value = serde_json::from_str(asks.body.get()).unwrap();
    body["username"].as_str().unwrap().to_owned()
}

/// With an offer, a refusal closes the PeerConnection that the offer had made.
fn answer(id: MessageId, asks: &ClientRequest, change: Option<Change>, data: Raw) -> Out {
    let Address { edge, session, handle } = asks.from.clone();
    let mut events =
        vec![ClientEvent::Plugin { transaction: Some(asks.transaction.clone()), data, jsep: None }];
    if asks.jsep.is_some() {
        let fields = raw(&json!({"reason": "Close PC"}));
        events.push(ClientEvent::Core { janus: "hangup".to_owned(), fields });
    }
    Out::Edge(edge, Events { session, handle, call: None, stamp: None, answers: Some(id), change, events })
}

fn released(id: MessageId, who: HandleRef, edge: ServiceId) -> Out {
    let (HandleRef { session, handle }, change) = (who, Some(Change::Released));
    Out::Edge(
        edge,
        Events { session, handle, call: None, stamp: None, answers: Some(id), change, events: Vec::new() },
    )
}
