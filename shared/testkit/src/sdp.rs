//! Session descriptions and candidates of a browser that does not exist: audio and video, bundled, opus
//! and VP8. Janus accepts them as it does a real browser's, but no media ever comes.
//!
//! Such a call lasts at a real Janus as long as neither side sends a candidate (75 s and on, measured).
//! With candidates, Janus 1.1.2 ends the call (`ICE failed`) after 21 to 24 s, and after 12 to 15 s when
//! the end of candidates was sent too. A test that needs a long call sends none.

use serde_json::{Value, json};

const SESSION: &str = include_str!("../sdp/session.sdp.in");

/// The jsep of a `call`.
pub fn offer() -> Value {
    json!({"type": "offer", "sdp": session("actpass", "ring")})
}

/// The jsep of an `accept`.
pub fn answer() -> Value {
    json!({"type": "answer", "sdp": session("active", "pick")})
}

/// An offer of at least that many bytes, for what must cope with size; Janus ignores what makes it long.
pub fn offer_of_size(bytes: usize) -> Value {
    let mut offer = offer();
    let mut sdp = offer["sdp"].as_str().unwrap().to_owned();
    while sdp.len() < bytes {
        sdp.push_str("a=x-padding:0123456789012345678901234567890123456789\r\n");
    }
    offer["sdp"] = json!(sdp);
    offer
}

/// The `number`-th candidate of such a browser, at an address that is nobody's (RFC 5737).
pub fn candidate(number: u8) -> Value {
    let text = format!("candidate:{number} 1 udp 2113937151 198.51.100.{number} 50000 typ host generation 0");
    json!({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0})
}

/// What follows the last candidate.
pub fn end_of_candidates() -> Value {
    json!({"completed": true})
}

fn session(setup: &str, ufrag: &str) -> String {
    SESSION.replace("@SETUP@", setup).replace("@UFRAG@", ufrag).replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_description_is_filled_in_and_its_lines_end_as_they_must() {
        for jsep in [offer(), answer(), offer_of_size(20_000)] {
            let sdp = jsep["sdp"].as_str().unwrap();
            assert!(!sdp.contains('@'));
            assert!(sdp.starts_with("v=0\r\n") && sdp.ends_with("\r\n"));
            assert!(!sdp.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
