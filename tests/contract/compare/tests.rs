//! The comparison itself: does it see what it should, and overlook what it should?

use super::differences::fits;
use super::json::Json;
use super::recording::{self, Raw, Recording};
use super::scenario::Scenario;
use super::verdict;
use std::collections::BTreeMap;

const ACK: &str = r#"{"janus":"ack","session_id":70000001,"transaction":"alice-1"}"#;
const CALLING: &str = r#"{"janus":"event","session_id":70000001,"transaction":"alice-1","sender":70000002,"plugindata":{"plugin":"p","data":{"videocall":"event","result":{"event":"calling"}}}}"#;
const INCOMING: &str = r#"{"janus":"event","session_id":70000001,"sender":70000002,"plugindata":{"plugin":"p","data":{"videocall":"event","result":{"event":"incomingcall","username":"bob~3~"}}}}"#;

fn heard(messages: &[&str]) -> Recording {
    let ids =
        BTreeMap::from([(70_000_001, "alice.session".to_owned()), (70_000_002, "alice.handle".to_owned())]);
    let raw = |text: &&str| Raw { sent: false, message: Json::parse(text).unwrap() };
    let messages: Vec<Raw> = messages.iter().map(raw).collect();
    vec![recording::track("alice", &messages, &ids, "~3~")]
}

fn problems(janus: &[&str], switchboard: &[&str]) -> Vec<String> {
    let (house, differs, free, steps) = ("patient".to_owned(), Vec::new(), Vec::new(), Vec::new());
    let scenario = Scenario { name: "test".to_owned(), servers: house, differs, free, steps };
    verdict::compare(&scenario, &heard(janus), &heard(switchboard)).problems
}

#[test]
fn the_same_is_the_same_whatever_the_ids() {
    assert!(problems(&[ACK, CALLING], &[ACK, CALLING]).is_empty());
    let text = heard(&[INCOMING])[0].lines[0].text.clone();
    assert!(
        text.contains(r#""session_id":<alice.session>"#) && text.contains(r#""username":"bob""#),
        "{text}"
    );
}

#[test]
fn another_value_another_key_and_another_order_of_keys_are_seen() {
    let changes = [("calling", "ringing"), ("transaction", "Transaction"), (r#""plugin":"p","#, "")];
    for (from, to) in changes {
        assert_eq!(problems(&[CALLING], &[&CALLING.replace(from, to)]).len(), 1, "{from}");
    }
    let turned = r#"{"janus":"ack","transaction":"alice-1","session_id":70000001}"#;
    assert_eq!(problems(&[ACK], &[turned]).len(), 1);
}

#[test]
fn what_is_missing_doubled_or_too_much_is_seen() {
    assert_eq!(problems(&[ACK, CALLING], &[ACK]).len(), 1);
    assert_eq!(problems(&[ACK], &[ACK, INCOMING]).len(), 1);
    assert_eq!(problems(&[ACK, CALLING], &[ACK, CALLING, CALLING]).len(), 1);
}

#[test]
fn only_messages_that_race_at_janus_may_change_places() {
    assert!(problems(&[ACK, CALLING], &[CALLING, ACK]).is_empty());
    assert_eq!(problems(&[CALLING, INCOMING], &[INCOMING, CALLING]).len(), 1);
}

#[test]
fn session_descriptions_are_compared_by_their_shape() {
    let offer =
        |sdp: &str| CALLING.replace("\"plugindata\"", &format!(r#""jsep":{{"sdp":"{sdp}"}},"plugindata""#));
    let one = offer(r"v=0\r\no=- 7 2 IN IP4 10.0.0.1\r\nm=audio 9 X 0\r\na=ice-ufrag:a\r\na=sendrecv\r\n");
    let other = one.replace("10.0.0.1", "10.0.0.2").replace("ufrag:a", "ufrag:b");
    assert!(problems(&[&one], &[&other]).is_empty());
    assert_eq!(problems(&[&one], &[&one.replace("sendrecv", "recvonly")]).len(), 1);
    let restarted = one.replace("ufrag:a", "ufrag:c");
    assert_eq!(problems(&[&one, &restarted], &[&one, &one]).len(), 1, "a restart that changes nothing");
}

#[test]
fn a_pattern_fits_what_it_describes() {
    for (pattern, text) in [("a", "a"), ("*", ""), ("a*", "ab"), ("*b*d", "abcd"), ("a*b*", "a b c")] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("a", "ab"), ("", "a"), ("*b", "bc"), ("a*c*b", "abc")] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}
