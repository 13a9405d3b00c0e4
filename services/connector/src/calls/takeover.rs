//! Going on with the calls that a former connector left on the backend.
//!
//! A call whose sides both knew of it is written down: it goes on where its session on Janus was
//! claimed, and each leg is asked whether it still is in it, because Janus repeats nothing that it said
//! while nobody listened. One that had ended is told of, should its sides not know. Any other call is expected to come again: its `place` is not done yet. What
//! cannot go on ends, with both told.

use super::Calls;
use super::act::{Act, Ended, Letter, Save};
use super::asking::Asked;
use super::call::Call;
use super::closing::{self, Cause, LOST};
use crate::janus::message::JanusId;
use bus::ledger::Receipt;
use bus::message::{Attend, Change, Events, LegRef, Stamp};
use directory::record::{self, LeftCall};
use protocol::{CallId, Raw, Side, raw};
use std::time::Duration;
use tokio::time::Instant;

/// How long the `place` of a call that was not set up may take to come.
const EXPECTED_FOR: Duration = Duration::from_secs(5);
/// Janus' answer on a leg without a call.
pub(super) const NO_CALL: i64 = 481;
/// What is written down of a call that is not set up: that this connector has it.
const NOTHING: &str = "null";

impl Calls {
    /// Goes on with what was left, in those of its sessions that Janus still has.
    pub fn take_over(&mut self, left: Vec<LeftCall>, kept: &[JanusId], now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        kept.iter().for_each(|session| self.sessions.keep(*session));
        for LeftCall { call, state, letter } in left {
            let written = state.and_then(|state| serde_json::from_str::<Option<Call>>(&state).ok()?);
            match (letter, written) {
                (Some(letter), _) => self.tell_end(&call, &letter, now, &mut acts),
                (None, Some(call)) => self.go_on(call, now, &mut acts),
                (None, None) => self.expect(Call::left(&call, self.term), now, &mut acts),
            }
        }
        acts.extend(self.sessions.drop_empty().into_iter().map(Act::Destroy));
        acts
    }

    /// A call has ended, and perhaps nobody was told. One that a router has ended has no letter that makes
    /// sense.
    fn tell_end(&mut self, call: &record::Call, letter: &str, now: Instant, acts: &mut Vec<Act>) {
        let Ok(mut letter) = serde_json::from_str::<Letter>(letter) else {
            self.expected.insert(call.id, Call::left(call, self.term));
            return self.end(call.id, Cause::Because(LOST.to_owned()), now, acts);
        };
        self.has_ended(call.id, now);
        for (_, events) in &mut letter.tell {
            events.stamp = Some(Stamp { term: self.term, number: 1 });
        }
        acts.push(Act::End(Ended { call: call.id, letter, receipts: Vec::new() }));
    }

    fn go_on(&mut self, mut call: Call, now: Instant, acts: &mut Vec<Act>) {
        let id = call.id;
        call.enter_term(self.term);
        if !call.session.is_some_and(|session| self.sessions.join(session)) {
            let sides = [Side::Caller, Side::Callee];
            sides.into_iter().for_each(|side| call.leg_mut(side).handle = None);
            self.calls.insert(id, call);
            return self.end(id, Cause::Because(LOST.to_owned()), now, acts);
        }
        let left = self.rules.ring_timeout.map(|time| time.saturating_sub(call.age()));
        call.rings_until = left.map(|left| now + left);
        self.calls.insert(id, call);
        for side in [Side::Caller, Side::Callee] {
            self.resume(LegRef { call: id, side }, now, acts);
        }
        self.save(id, acts);
        self.schedule(id);
    }

    /// The edge of a leg learns the new term, so that it drops whatever the former connector may
    /// still say.
    fn resume(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        acts.extend(call.events(leg.side, None, None, Vec::new()).map(Act::edge));
        if let Some(handle) = call.leg(leg.side).handle {
            self.legs.insert(handle, leg);
            self.check(leg, handle, now, acts);
        }
    }

    /// Janus is asked whether a leg still is in its call.
    fn check(&mut self, leg: LegRef, handle: JanusId, now: Instant, acts: &mut Vec<Act>) {
        self.ask_plugin(Asked::Check(leg), handle, changes_nothing(), None, now, acts);
    }

    /// Janus has said something that nobody heard: each leg is asked whether it still is in its call.
    pub fn check_all(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        let rings = |leg: &LegRef| self.calls.get(&leg.call).is_some_and(Call::rings);
        let legs: Vec<_> =
            self.legs.iter().filter(|(_, leg)| rings(leg)).map(|(&id, &leg)| (id, leg)).collect();
        for (handle, leg) in legs {
            self.check(leg, handle, now, &mut acts);
        }
        acts
    }

    fn expect(&mut self, call: Call, now: Instant, acts: &mut Vec<Act>) {
        let (id, state) = (call.id, NOTHING.to_owned());
        self.expected.insert(id, call);
        self.expected_until = Some(now + EXPECTED_FOR);
        acts.push(Act::Save(Save { call: id, state, receipts: Vec::new() }));
    }

    /// Calls that did not come in time are over.
    pub(super) fn stop_expecting(&mut self, now: Instant, acts: &mut Vec<Act>) {
        if self.expected_until.take_if(|until| *until <= now).is_none() {
            return;
        }
        for id in self.expected.keys().copied().collect::<Vec<_>>() {
            self.end(id, Cause::Because(LOST.to_owned()), now, acts);
        }
    }

    /// Whether there is such a call.
    pub(super) fn knows(&self, id: CallId) -> bool {
        self.calls.contains_key(&id) || self.expected.contains_key(&id)
    }

    /// A leg is not in its call any more, and nobody was there to hear why.
    pub(super) fn end_missed(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Act>) {
        self.end(leg.call, Cause::PeerConnection(leg.side, closing::CLOSED.to_owned()), now, acts);
    }

    /// A former connector has ended a call in the moment in which this one took it over: its sides know, and Janus
    /// does not.
    pub fn on_over(&mut self, call: CallId, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.knows(call) {
            self.end(call, Cause::Because(LOST.to_owned()), now, &mut acts);
        }
        acts
    }

    /// A session is over, and the calls in it.
    pub(super) fn on_session_over(&mut self, session: Option<JanusId>, now: Instant, acts: &mut Vec<Act>) {
        let Some(session) = session else { return };
        self.sessions.lose(session);
        let lost = self.calls.values().filter(|call| call.session == Some(session)).map(|call| call.id);
        for id in lost.collect::<Vec<_>>() {
            self.fail(id, Cause::Because("The media server ended the session".to_owned()), now, acts);
        }
    }

    /// A leg's client is at this address now; if its call is over, it hears so.
    pub(super) fn attend(&mut self, attend: Attend, receipt: Receipt, now: Instant, acts: &mut Vec<Act>) {
        let Attend { leg, address } = attend;
        let Some(call) = self.calls.get_mut(&leg.call).or_else(|| self.expected.get_mut(&leg.call)) else {
            let change = Some(Change::Left);
            // Without a stamp: nobody knows any more how much was said of it.
            let (call, stamp, answers) = (Some(leg.call), None, None);
            let events = closing::forgotten();
            let left = Events { call, stamp, answers, change, ..Events::of(address.handle_ref(), events) };
            return self.end_unknown(leg.call, vec![(address.edge, left)], receipt, now, acts);
        };
        call.leg_mut(leg.side).party.address = Some(address);
        call.receipts.push(receipt);
        self.save(leg.call, acts);
    }

    /// The lease has another token, though nobody else had it: the directory has lost everything, and
    /// gets back what is known here.
    pub fn enter_term(&mut self, term: u64) -> Vec<Act> {
        self.term = term;
        let mut acts = Vec::new();
        for call in self.calls.values_mut().chain(self.expected.values_mut()) {
            call.enter_term(term);
            let state = if call.rings() { raw(call).get().to_owned() } else { NOTHING.to_owned() };
            acts.push(Act::Restore(Box::new(call.record(&self.backend)), state));
        }
        acts
    }
}

/// A request that changes nothing: Janus refuses it with 481 on a leg without a call, and with 482 on
/// one that is in a call, because there is no answer with it.
fn changes_nothing() -> Raw {
    #[derive(serde::Serialize)]
    struct Body {
        request: &'static str,
    }
    raw(&Body { request: "accept" })
}
