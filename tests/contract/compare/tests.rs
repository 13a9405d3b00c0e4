//! Tests of the comparison itself: it reports real differences, and accepts allowed ones.

use super::diff;
use super::differences::matches_pattern;
use super::json::Json;
use super::recording::{self, Raw, Recording};
use super::scenario::Scenario;
use std::collections::BTreeMap;

const ACK: &str = r#"{"janus":"ack","session_id":70000001,"transaction":"alice-1"}"#;
const CALLING: &str = r#"{"janus":"event","session_id":70000001,"transaction":"alice-1","sender":70000002,"plugindata":{"plugin":"p","data":{"videocall":"event","result":{"event":"calling"}}}}"#;
const INCOMING: &str = r#"{"janus":"event","session_id":70000001,"sender":70000002,"plugindata":{"plugin":"p","data":{"videocall":"event","result":{"event":"incomingcall","username":"bob~3~"}}}}"#;

fn received(messages: &[&str]) -> Recording {
    let ids =
        BTreeMap::from([(70_000_001, "alice.session".to_owned()), (70_000_002, "alice.handle".to_owned())]);
    let raw = |text: &&str| Raw { sent: false, message: Json::parse(text).unwrap() };
    let messages: Vec<Raw> = messages.iter().map(raw).collect();
    vec![recording::track("alice", &messages, &ids, "~3~")]
}

fn problems(janus: &[&str], switchboard: &[&str]) -> Vec<String> {
    let (servers, differs, varies, steps) = ("default".to_owned(), Vec::new(), Vec::new(), Vec::new());
    let scenario = Scenario { name: "test".to_owned(), servers, differs, varies, steps };
    diff::compare(&scenario, &received(janus), &received(switchboard)).problems
}

#[test]
fn equal_runs_with_other_ids_are_equal() {
    assert!(problems(&[ACK, CALLING], &[ACK, CALLING]).is_empty());
    let text = received(&[INCOMING])[0].lines[0].text.clone();
    assert!(
        text.contains(r#""session_id":<alice.session>"#) && text.contains(r#""username":"bob""#),
        "{text}"
    );
}

#[test]
fn changed_values_keys_and_key_order_are_detected() {
    let changes = [("calling", "ringing"), ("transaction", "Transaction"), (r#""plugin":"p","#, "")];
    for (from, to) in changes {
        assert_eq!(problems(&[CALLING], &[&CALLING.replace(from, to)]).len(), 1, "{from}");
    }
    let turned = r#"{"janus":"ack","transaction":"alice-1","session_id":70000001}"#;
    assert_eq!(problems(&[ACK], &[turned]).len(), 1);
}

#[test]
fn missing_repeated_and_extra_messages_are_detected() {
    assert_eq!(problems(&[ACK, CALLING], &[ACK]).len(), 1);
    assert_eq!(problems(&[ACK], &[ACK, INCOMING]).len(), 1);
    assert_eq!(problems(&[ACK, CALLING], &[ACK, CALLING, CALLING]).len(), 1);
}

#[test]
fn only_racing_messages_may_swap_places() {
    assert!(problems(&[ACK, CALLING], &[CALLING, ACK]).is_empty());
    assert_eq!(problems(&[CALLING, INCOMING], &[INCOMING, CALLING]).len(), 1);
}

#[test]
fn session_descriptions_are_compared_by_shape() {
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
fn pattern_matches_what_it_describes() {
    for (pattern, text) in [("a", "a"), ("*", ""), ("a*", "ab"), ("*b*d", "abcd"), ("a*b*", "a b c")] {
        assert!(matches_pattern(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("a", "ab"), ("", "a"), ("*b", "bc"), ("a*c*b", "abc")] {
        assert!(!matches_pattern(pattern, text), "{pattern} {text}");
    }
}
