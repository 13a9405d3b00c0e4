//! A connector goes on with what another has left: the calls that were written down, and those whose
//! `place` comes again.

use super::*;
use crate::calls::action::{EndedCall, FinalNotices};
use crate::calls::transactions::JANUS_TIMEOUT;

use bus::message::Sequence;
use directory::record::OrphanedCall;

const OLD: u64 = 1;
const NEW: u64 = 2;
const LOST: &str = "The connection to the media server was lost";

impl Bench {
    /// What the last connector wrote down of its call.
    pub(super) fn written(&self) -> Option<String> {
        self.saved.last().cloned()
    }

    fn left(&self, state: Option<String>) -> OrphanedCall {
        let call = Call::new(Place { call: self.call, ..self.place.clone() }, None, 0)
            .to_record(&BackendName::from("a"));
        OrphanedCall { call, state, final_notices: None }
    }

    /// The next connector takes over, in the next term; Janus still has these sessions.
    pub(super) fn is_followed(&mut self, state: Option<String>, kept: &[u64]) -> Vec<String> {
        let left = vec![self.left(state)];
        self.calls = Calls::new(config(), 1, self.now);
        self.calls.on_janus_up(NEW);
        let acts = self.calls.take_over(left, kept, self.now);
        self.note(acts)
    }

    pub(super) fn goes_on(mut self) -> Self {
        self.is_followed(self.written(), &[OLD]);
        self
    }
}

fn lost() -> [String; 3] {
    let left = |who: &str, peer: &str| format!("{who} left: hangup({peer}, {LOST}), core hangup({LOST})");
    ["end".to_owned(), left("alice", "bob"), left("bob", "alice")]
}

#[test]
fn a_call_is_written_down_once_both_sides_know_of_it() {
    let mut bench = calling();
    bench.incoming();
    assert_eq!(bench.saved.len(), 0);
    bench.replies(ALICE, "calling");
    assert_eq!(bench.saved.len(), 1);
    bench.trickles(Side::Caller, &["a"]);
    assert_eq!(bench.saved.len(), 2);
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.replies(BOB, "accepted");
    assert_eq!(bench.saved.len(), 3);
}

#[test]
fn a_call_goes_on_in_its_session_and_each_leg_is_asked_for() {
    for mut bench in [ringing(), talking()] {
        let follows = bench.is_followed(bench.written(), &[OLD]);
        assert_eq!(follows, ["alice: ", "janus 11 accept", "bob: ", "janus 12 accept"]);
        assert!(bench.said.iter().rev().take(2).all(|request| request["session_id"] == OLD));
        let in_call = json!({"error_code": 482, "error": "Missing SDP"});
        assert_eq!(bench.answers(ALICE, in_call.clone()), [""; 0]);
        assert_eq!(bench.answers(BOB, in_call), [""; 0]);
        bench.asks(Side::Callee, json!({"request": "set"}), None);
        assert_eq!(bench.replies(BOB, "set"), ["bob!: t/set"]);
    }
}

#[test]
fn a_leg_that_is_in_no_call_any_more_ends_it_for_both() {
    let over = |who: &str, peer: &str| {
        format!("{who} left: hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)")
    };
    let expected = [
        "janus 11 detach",
        "janus 12 detach",
        "destroy 1",
        "end",
        &over("bob", "alice"),
        &over("alice", "bob"),
    ];
    let mut bench = talking().goes_on();
    assert_eq!(bench.answers(ALICE, json!({"error_code": 481, "error": "no"}))[..6], expected);
    let mut bench = talking().goes_on();
    assert_eq!(bench.refuses(ALICE, 459)[..6], expected);
    bench.is_clean();
}

#[test]
fn a_leg_that_is_not_answered_for_ends_its_call() {
    let mut bench = talking().goes_on();
    bench.answers(ALICE, json!({"error_code": 482, "error": "no"}));
    let reason = "The media server does not answer";
    let told = bench.after(JANUS_TIMEOUT);
    assert!(told.contains(&format!("alice left: hangup(bob, {reason}), core hangup({reason})")), "{told:?}");
    bench.is_clean();
}

#[test]
fn a_call_whose_session_is_gone_is_over_for_both() {
    let mut bench = talking();
    let expected = lost();
    assert_eq!(bench.is_followed(bench.written(), &[])[..3], expected);
    assert!(bench.said.iter().all(|request| request["session_id"] != NEW), "Janus is told nothing");
    bench.is_clean();
}

#[test]
fn the_old_session_ends_with_its_last_call() {
    let mut bench = talking().goes_on();
    let first = bench.call;
    bench.call = CallId::fresh();
    bench.is_placed();
    let attach = bench.said.last().unwrap();
    assert_eq!((attach["janus"].as_str(), attach["session_id"].as_u64()), (Some("attach"), Some(NEW)));
    bench.call = first;
    assert_eq!(bench.hangs_up_core(Side::Caller)[..3], ["janus 11 detach", "janus 12 detach", "destroy 1"]);
    assert_eq!(bench.calls.sessions(), [NEW]);
}

#[test]
fn an_old_session_without_a_call_ends_at_once() {
    let mut bench = ringing();
    assert_eq!(bench.is_followed(None, &[OLD]), ["destroy 1"]);
}

#[test]
fn an_old_session_that_janus_ends_takes_its_calls_along() {
    let mut bench = talking().goes_on();
    let over = bench.janus(json!({"janus": "timeout", "session_id": OLD}));
    assert!(over.iter().any(|line| line.starts_with("alice left: ")), "{over:?}");
    assert_eq!(bench.calls.sessions(), [NEW]);
    bench.is_clean();
}

#[test]
fn what_a_client_said_before_the_answer_still_waits_for_it() {
    let mut bench = ringing();
    bench.trickles(Side::Caller, &["a", "b"]);
    let mut bench = bench.goes_on();
    bench.answers(ALICE, json!({"error_code": 482, "error": "no"}));
    bench.answers(BOB, json!({"error_code": 482, "error": "no"}));
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    let answered = ["bob! answered: t/accepted", "log answered", r#"janus 11 trickle ["a","b"]"#];
    assert_eq!(bench.replies(BOB, "accepted"), answered);
}

#[test]
fn a_request_that_was_answered_is_not_done_again() {
    let mut bench = ringing();
    let accept = bench.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.hears(accept.clone());
    bench.replies(BOB, "accepted");
    let mut bench = bench.goes_on();
    assert_eq!(bench.hears(accept), [""; 0]);
    let unanswered = bench.request(Side::Callee, json!({"request": "set"}), None);
    assert_eq!(bench.hears(unanswered), ["janus 12 set"]);
}

#[test]
fn a_call_rings_no_longer_than_it_may() {
    let time = Duration::from_secs(120);
    let mut bench = ringing();
    let (state, rules) = (bench.written(), CallPolicy { ring_timeout: Some(time), ..CallPolicy::default() });
    bench.calls = Calls::new(config(), 0, bench.now);
    bench.calls.config.policy = rules;
    bench.calls.on_janus_up(NEW);
    let left = vec![bench.left(state)];
    bench.calls.take_over(left, &[OLD], bench.now);
    bench.calls.transactions.clear();
    let told = bench.after(time);
    assert!(
        told.contains(&"alice left: hangup(bob, No answer), core hangup(Close PC)".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_call_that_was_not_set_up_is_set_up_by_its_place_under_other_names() {
    let mut bench = registering();
    let before = bench.said.last().unwrap()["body"]["username"].clone();
    assert_eq!(bench.is_followed(None, &[OLD]), ["destroy 1"]);
    bench.said.clear();
    bench.is_placed();
    bench.is_attached(Side::Caller);
    bench.is_attached(Side::Callee);
    let after = bench.said.last().unwrap()["body"]["username"].clone();
    assert_ne!(before, after);
    bench.replies(ALICE, "registered");
    assert_eq!(bench.replies(BOB, "registered"), ["janus 11 call+offer"]);
}

#[test]
fn a_call_that_is_not_placed_again_in_time_is_over_for_both() {
    let mut bench = calling();
    bench.is_followed(None, &[]);
    assert_eq!(bench.after(Duration::from_millis(4_999)), [""; 0]);
    assert_eq!(bench.after(Duration::from_millis(1))[..3], lost());
    let answer = "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(bench.is_placed(), ["end", answer]);
    bench.is_clean();
}

#[test]
fn both_sides_of_a_call_that_cannot_be_set_up_again_are_told() {
    let mut bench = calling();
    bench.is_followed(None, &[]);
    let told = bench.is_placed_late();
    assert!(told[1].starts_with("alice! left: c/hangup(bob, Remote WebRTC hangup)"), "{told:?}");
    assert!(told[2].starts_with("bob left: hangup(alice, "), "{told:?}");
    bench.is_clean();
}

#[test]
fn an_answer_to_what_a_former_connector_said_ends_the_call() {
    let mut bench = calling();
    bench.incoming();
    bench.is_followed(None, &[]);
    bench.said.clear();
    bench.is_placed();
    let told = bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    assert!(told[0].starts_with("end") && told[2].starts_with("bob left: "), "{told:?}");
    bench.is_clean();
}

#[test]
fn a_caller_that_hangs_up_while_its_call_is_set_up_again_hears_no_second_answer_to_its_call() {
    let mut bench = calling();
    bench.is_followed(None, &[]);
    bench.said.clear();
    bench.is_placed();
    let told = bench.asks(Side::Caller, json!({"request": "hangup"}), None);
    assert!(told[2].starts_with("alice! left: t/hangup(alice, Explicit hangup), "), "{told:?}");
    bench.is_clean();
}

#[test]
fn a_call_that_is_expected_can_be_ended() {
    for how in 0..3 {
        let mut bench = calling();
        bench.is_followed(None, &[]);
        let told = match how {
            0 => bench.is_gone(Side::Callee),
            1 => bench.hangs_up_core(Side::Callee),
            _ => bench.asks(Side::Callee, json!({"request": "hangup"}), None),
        };
        assert!(told[1].starts_with("alice left: ") && told[2].starts_with("bob"), "{told:?}");
        bench.is_clean();
    }
}

#[test]
fn what_cannot_be_read_counts_as_not_set_up() {
    let mut bench = talking();
    bench.is_followed(Some("null".to_owned()), &[]);
    assert_eq!(bench.after(JANUS_TIMEOUT)[..3], lost());
    let mut bench = talking();
    bench.is_followed(Some("{}".to_owned()), &[]);
    assert_eq!(bench.after(JANUS_TIMEOUT)[..3], lost());
}

#[test]
fn each_leg_is_asked_for_when_janus_may_have_said_more_than_was_heard() {
    let mut bench = talking();
    let acts = bench.calls.check_all_legs(bench.now);
    assert_eq!(bench.note(acts), ["janus 11 accept", "janus 12 accept"]);
    let mut bench = calling();
    assert!(bench.calls.check_all_legs(bench.now).is_empty(), "what is being set up has a question open");
}

/// What the last connector of a call that its caller hung up left of it.
fn ended() -> (Bench, String) {
    let mut bench = talking();
    let hangup = Message::new(Body::Hangup(bench.leg(Side::Caller)));
    let acts = bench.calls.on_message(hangup, AckGuard::default(), bench.now);
    let letter = acts.iter().find_map(|act| match act {
        Action::EndCall(EndedCall { notices: letter, .. }) => Some(raw(letter).get().to_owned()),
        _ => None,
    });
    (bench, letter.unwrap())
}

#[test]
fn the_end_that_nobody_was_told_of_is_told_in_the_new_term() {
    let (mut bench, letter) = ended();
    let left = OrphanedCall { final_notices: Some(letter), ..bench.left(bench.written()) };
    bench.calls = Calls::new(config(), 7, bench.now);
    let acts = bench.calls.take_over(vec![left], &[], bench.now);
    let [Action::EndCall(EndedCall { call, notices: FinalNotices { client_events: tell, log, .. }, .. })] =
        &acts[..]
    else {
        panic!("{acts:?}")
    };
    assert_eq!((*call, log.is_some()), (bench.call, true));
    let stamps: Vec<_> = tell.iter().filter_map(|(_, events)| events.sequence).collect();
    assert_eq!(stamps, [Sequence { term: 7, number: 1 }; 2]);
    let told = bench.note(acts);
    assert!(told[1].starts_with("bob left: hangup(alice, "), "{told:?}");
    assert!(told[2].starts_with("alice left: "), "{told:?}");
    assert!(bench.is_placed().iter().all(|line| !line.starts_with("janus")), "it is not begun again");
    bench.is_clean();
}

#[test]
fn a_letter_that_makes_no_sense_says_that_the_call_is_lost() {
    for nonsense in ["", "1", "{\"tell\":7}"] {
        let mut bench = talking();
        let left = OrphanedCall { final_notices: Some(nonsense.to_owned()), ..bench.left(bench.written()) };
        bench.calls = Calls::new(config(), 1, bench.now);
        let acts = bench.calls.take_over(vec![left], &[OLD], bench.now);
        let told = bench.note(acts);
        assert!(lost().iter().all(|line| told.contains(line)), "{told:?}");
        bench.is_clean();
    }
}

#[test]
fn the_other_side_hears_of_the_request_that_janus_does_first() {
    let mut bench = talking();
    let [first, second] =
        [0, 1].map(|_| bench.request(Side::Callee, json!({"request": "set"}), Some("offer")));
    let ids = [first.id, second.id];
    for message in [first, second] {
        bench.hears(message);
    }
    let mut follows = Vec::new();
    for left in [2, 1] {
        let update = json!({"janus": "event", "sender": ALICE, "jsep": {"type": "offer", "sdp": "v=0"},
            "plugindata": {"data": {"videocall": "event", "result": {"event": "update"}}}});
        let acts = bench.calls.on_janus(FromJanus::read(&update.to_string()), bench.now);
        follows.extend(acts.iter().filter_map(|act| match act {
            Action::SendToEdge(_, events) => events.caused_by,
            _ => None,
        }));
        let transaction = bench.said[bench.said.len() - left]["transaction"].clone();
        bench.janus(json!({"janus": "event", "sender": BOB, "transaction": transaction,
            "plugindata": {"data": {"result": {"event": "set"}}}}));
    }
    assert_eq!(follows, ids);
}
