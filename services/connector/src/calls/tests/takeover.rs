//! A connector takes over the calls of another: those that were saved, and those whose `place` is
//! redelivered.

use super::*;
use crate::calls::action::{EndedCall, FinalNotices};
use crate::calls::janus_state::JANUS_TIMEOUT;
use bus::message::Sequence;
use directory::record::OrphanedCall;

const OLD: u64 = 1;
const NEW: u64 = 2;
const LOST: &str = "The connection to the media server was lost";

impl Harness {
    /// The state that the last connector saved of its call.
    pub(super) fn last_saved(&self) -> Option<String> {
        self.saved.last().cloned()
    }

    fn orphaned(&self, state: Option<String>) -> OrphanedCall {
        let call = Call::new(Place { call: self.call, ..self.place.clone() }, None, 0)
            .to_record(&BackendName::from("a"));
        OrphanedCall { call, state, final_notices: None }
    }

    /// The next connector takes over, in the next term. Janus still has these sessions.
    pub(super) fn take_over_from(&mut self, state: Option<String>, kept: &[u64]) -> Vec<String> {
        let orphaned = vec![self.orphaned(state)];
        self.calls = Calls::new(config(), 1, self.now);
        self.calls.on_janus_up(NEW);
        let actions = self.calls.take_over(orphaned, kept, self.now);
        self.record(actions)
    }

    pub(super) fn taken_over(mut self) -> Self {
        self.take_over_from(self.last_saved(), &[OLD]);
        self
    }
}

fn lost() -> [String; 3] {
    let left = |who: &str, peer: &str| format!("{who} left: hangup({peer}, {LOST}), core hangup({LOST})");
    ["end".to_owned(), left("alice", "bob"), left("bob", "alice")]
}

#[test]
fn call_is_saved_once_both_sides_have_joined() {
    let mut harness = calling();
    harness.incoming();
    assert_eq!(harness.saved.len(), 0);
    harness.reply(ALICE, "calling");
    assert_eq!(harness.saved.len(), 1);
    harness.trickle(Side::Caller, &["a"]);
    assert_eq!(harness.saved.len(), 2);
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.reply(BOB, "accepted");
    assert_eq!(harness.saved.len(), 3);
}

#[test]
fn call_resumes_in_its_session_and_checks_each_leg() {
    for mut harness in [ringing(), talking()] {
        let resumed = harness.take_over_from(harness.last_saved(), &[OLD]);
        assert_eq!(resumed, ["alice: ", "janus 11 accept", "bob: ", "janus 12 accept"]);
        assert!(harness.sent_to_janus.iter().rev().take(2).all(|request| request["session_id"] == OLD));
        let in_call = json!({"error_code": 482, "error": "Missing SDP"});
        assert_eq!(harness.reply_data(ALICE, in_call.clone()), [""; 0]);
        assert_eq!(harness.reply_data(BOB, in_call), [""; 0]);
        harness.request(Side::Callee, json!({"request": "set"}), None);
        assert_eq!(harness.reply(BOB, "set"), ["bob!: t/set"]);
    }
}

#[test]
fn leg_without_a_call_on_janus_ends_the_call() {
    let left = |who: &str, peer: &str| {
        format!("{who} left: hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)")
    };
    let expected = [
        "janus 11 detach",
        "janus 12 detach",
        "destroy 1",
        "end",
        &left("bob", "alice"),
        &left("alice", "bob"),
    ];
    let mut harness = talking().taken_over();
    assert_eq!(harness.reply_data(ALICE, json!({"error_code": 481, "error": "no"}))[..6], expected);
    let mut other = talking().taken_over();
    assert_eq!(other.refuse(ALICE, 459)[..6], expected);
    other.assert_clean();
}

#[test]
fn unanswered_leg_check_ends_the_call() {
    let mut harness = talking().taken_over();
    harness.reply_data(ALICE, json!({"error_code": 482, "error": "no"}));
    let reason = "The media server does not answer";
    let notified = harness.advance(JANUS_TIMEOUT);
    assert!(
        notified.contains(&format!("alice left: hangup(bob, {reason}), core hangup({reason})")),
        "{notified:?}"
    );
    harness.assert_clean();
}

#[test]
fn call_ends_when_its_session_was_not_claimed() {
    let mut harness = talking();
    let expected = lost();
    assert_eq!(harness.take_over_from(harness.last_saved(), &[])[..3], expected);
    assert!(
        harness.sent_to_janus.iter().all(|request| request["session_id"] != NEW),
        "Janus gets no request"
    );
    harness.assert_clean();
}

#[test]
fn claimed_session_is_destroyed_with_its_last_call() {
    let mut harness = talking().taken_over();
    let first = harness.call;
    harness.call = CallId::fresh();
    harness.place();
    let attach = harness.sent_to_janus.last().unwrap();
    assert_eq!((attach["janus"].as_str(), attach["session_id"].as_u64()), (Some("attach"), Some(NEW)));
    harness.call = first;
    assert_eq!(
        harness.client_core_hangup(Side::Caller)[..3],
        ["janus 11 detach", "janus 12 detach", "destroy 1"]
    );
    assert_eq!(harness.calls.sessions(), [NEW]);
}

#[test]
fn claimed_session_without_calls_is_destroyed_at_once() {
    let mut harness = ringing();
    assert_eq!(harness.take_over_from(None, &[OLD]), ["destroy 1"]);
}

#[test]
fn calls_end_when_janus_ends_their_claimed_session() {
    let mut harness = talking().taken_over();
    let notified = harness.janus(json!({"janus": "timeout", "session_id": OLD}));
    assert!(notified.iter().any(|line| line.starts_with("alice left: ")), "{notified:?}");
    assert_eq!(harness.calls.sessions(), [NEW]);
    harness.assert_clean();
}

#[test]
fn held_candidates_survive_a_takeover() {
    let mut harness = ringing();
    harness.trickle(Side::Caller, &["a", "b"]);
    let mut harness = harness.taken_over();
    harness.reply_data(ALICE, json!({"error_code": 482, "error": "no"}));
    harness.reply_data(BOB, json!({"error_code": 482, "error": "no"}));
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    let answered = ["bob! answered: t/accepted", "log answered", r#"janus 11 trickle ["a","b"]"#];
    assert_eq!(harness.reply(BOB, "accepted"), answered);
}

#[test]
fn answered_request_is_not_repeated() {
    let mut harness = ringing();
    let accept = harness.request_message(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.receive(accept.clone());
    harness.reply(BOB, "accepted");
    let mut harness = harness.taken_over();
    assert_eq!(harness.receive(accept), [""; 0]);
    let unanswered = harness.request_message(Side::Callee, json!({"request": "set"}), None);
    assert_eq!(harness.receive(unanswered), ["janus 12 set"]);
}

#[test]
fn ring_timeout_continues_across_a_takeover() {
    let time = Duration::from_secs(120);
    let mut harness = ringing();
    let (state, policy) =
        (harness.last_saved(), CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() });
    harness.calls = Calls::new(config(), 0, harness.now);
    harness.calls.config.policy = policy;
    harness.calls.on_janus_up(NEW);
    let orphaned = vec![harness.orphaned(state)];
    harness.calls.take_over(orphaned, &[OLD], harness.now);
    harness.calls.transactions.clear();
    let notified = harness.advance(time);
    assert!(
        notified.contains(&"alice left: hangup(bob, No answer), core hangup(Close PC)".to_owned()),
        "{notified:?}"
    );
}

#[test]
fn replayed_place_registers_fresh_names() {
    let mut harness = registering();
    let before = harness.sent_to_janus.last().unwrap()["body"]["username"].clone();
    assert_eq!(harness.take_over_from(None, &[OLD]), ["destroy 1"]);
    harness.sent_to_janus.clear();
    harness.place();
    harness.attached(Side::Caller);
    harness.attached(Side::Callee);
    let after = harness.sent_to_janus.last().unwrap()["body"]["username"].clone();
    assert_ne!(before, after);
    harness.reply(ALICE, "registered");
    assert_eq!(harness.reply(BOB, "registered"), ["janus 11 call+offer"]);
}

#[test]
fn call_without_a_replayed_place_ends() {
    let mut harness = calling();
    harness.take_over_from(None, &[]);
    assert_eq!(harness.advance(Duration::from_millis(4_999)), [""; 0]);
    assert_eq!(harness.advance(Duration::from_millis(1))[..3], lost());
    let answer = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(harness.place(), ["end", answer]);
    harness.assert_clean();
}

#[test]
fn failed_replay_notifies_both_sides() {
    let mut harness = calling();
    harness.take_over_from(None, &[]);
    let notified = harness.place_expired();
    assert!(notified[1].starts_with("alice! left: c/hangup(bob, Remote WebRTC hangup)"), "{notified:?}");
    assert!(notified[2].starts_with("bob left: hangup(alice, "), "{notified:?}");
    harness.assert_clean();
}

#[test]
fn accept_of_a_lost_leg_ends_the_call() {
    let mut harness = calling();
    harness.incoming();
    harness.take_over_from(None, &[]);
    harness.sent_to_janus.clear();
    harness.place();
    let notified = harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert!(notified[0].starts_with("end") && notified[2].starts_with("bob left: "), "{notified:?}");
    harness.assert_clean();
}

#[test]
fn hangup_during_a_replay_is_the_only_answer() {
    let mut harness = calling();
    harness.take_over_from(None, &[]);
    harness.sent_to_janus.clear();
    harness.place();
    let notified = harness.request(Side::Caller, json!({"request": "hangup"}), None);
    assert!(notified[2].starts_with("alice! left: t/hangup(alice, Explicit hangup), "), "{notified:?}");
    harness.assert_clean();
}

#[test]
fn call_awaiting_replay_can_be_ended() {
    for how in 0..3 {
        let mut harness = calling();
        harness.take_over_from(None, &[]);
        let notified = match how {
            0 => harness.client_gone(Side::Callee),
            1 => harness.client_core_hangup(Side::Callee),
            _ => harness.request(Side::Callee, json!({"request": "hangup"}), None),
        };
        assert!(notified[1].starts_with("alice left: ") && notified[2].starts_with("bob"), "{notified:?}");
        harness.assert_clean();
    }
}

#[test]
fn unreadable_state_counts_as_not_set_up() {
    let mut harness = talking();
    harness.take_over_from(Some("null".to_owned()), &[]);
    assert_eq!(harness.advance(JANUS_TIMEOUT)[..3], lost());
    let mut other = talking();
    other.take_over_from(Some("{}".to_owned()), &[]);
    assert_eq!(other.advance(JANUS_TIMEOUT)[..3], lost());
}

#[test]
fn each_leg_is_checked_after_dropped_messages() {
    let mut harness = talking();
    let actions = harness.calls.check_all_legs(harness.now);
    assert_eq!(harness.record(actions), ["janus 11 accept", "janus 12 accept"]);
    let mut other = calling();
    assert!(
        other.calls.check_all_legs(other.now).is_empty(),
        "a call that is being set up has a request in flight"
    );
}

/// A call that its caller hung up, and the final notices that its connector stored.
fn ended() -> (Harness, String) {
    let mut harness = talking();
    let hangup = Message::new(Body::Hangup(harness.leg(Side::Caller)));
    let actions = harness.calls.on_message(hangup, AckGuard::default(), harness.now);
    let notices = actions.iter().find_map(|action| match action {
        Action::EndCall(EndedCall { notices, .. }) => Some(raw(notices).get().to_owned()),
        _ => None,
    });
    (harness, notices.unwrap())
}

#[test]
fn final_notices_are_sent_in_the_new_term() {
    let (mut harness, notices) = ended();
    let orphaned = OrphanedCall { final_notices: Some(notices), ..harness.orphaned(harness.last_saved()) };
    harness.calls = Calls::new(config(), 7, harness.now);
    let actions = harness.calls.take_over(vec![orphaned], &[], harness.now);
    let [Action::EndCall(EndedCall { call, notices: FinalNotices { client_events, log, .. }, .. })] =
        &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((*call, log.is_some()), (harness.call, true));
    let sequences: Vec<_> = client_events.iter().filter_map(|(_, events)| events.sequence).collect();
    assert_eq!(sequences, [Sequence { term: 7, number: 1 }; 2]);
    let notified = harness.record(actions);
    assert!(notified[1].starts_with("bob left: hangup(alice, "), "{notified:?}");
    assert!(notified[2].starts_with("alice left: "), "{notified:?}");
    assert!(harness.place().iter().all(|line| !line.starts_with("janus")), "it is not set up again");
    harness.assert_clean();
}

#[test]
fn unreadable_final_notices_report_a_lost_call() {
    for unreadable in ["", "1", "{\"client_events\":7}"] {
        let mut harness = talking();
        let orphaned = OrphanedCall {
            final_notices: Some(unreadable.to_owned()),
            ..harness.orphaned(harness.last_saved())
        };
        harness.calls = Calls::new(config(), 1, harness.now);
        let actions = harness.calls.take_over(vec![orphaned], &[OLD], harness.now);
        let notified = harness.record(actions);
        assert!(lost().iter().all(|line| notified.contains(line)), "{notified:?}");
        harness.assert_clean();
    }
}
