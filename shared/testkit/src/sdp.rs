//! Session descriptions and candidates as a browser sends them: audio and video, bundled, opus and VP8. Janus
//! accepts them, but no media follows.
//!
//! Without candidates, such a call at a real Janus lasts for at least 75 s (measured). With candidates, Janus
//! 1.1.2 ends it (`ICE failed`) after 21 to 24 s, or 12 to 15 s with the end of candidates. A test that needs a
//! long call sends none.

use serde_json::{Value, json};

const SESSION: &str = include_str!("../sdp/session.sdp.in");

/// Returns the jsep of a `call`.
pub fn offer() -> Value {
    json!({"type": "offer", "sdp": session("actpass", "ring")})
}

/// Returns the jsep of an `accept`.
pub fn answer() -> Value {
    json!({"type": "answer", "sdp": session("active", "pick")})
}

/// Returns an offer of at least this size, padded with attributes that Janus ignores.
pub fn offer_of_size(bytes: usize) -> Value {
    let mut offer = offer();
    let mut sdp = offer["sdp"].as_str().unwrap().to_owned();
    while sdp.len() < bytes {
        sdp.push_str("a=x-padding:0123456789012345678901234567890123456789\r\n");
    }
    offer["sdp"] = json!(sdp);
    offer
}

/// Returns a candidate at a documentation address (RFC 5737).
pub fn candidate(number: u8) -> Value {
    let text = format!("candidate:{number} 1 udp 2113937151 198.51.100.{number} 50000 typ host generation 0");
    json!({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0})
}

/// Returns the end of candidates.
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
    fn the_template_is_complete_and_has_crlf_line_ends() {
        for jsep in [offer(), answer(), offer_of_size(20_000)] {
            let sdp = jsep["sdp"].as_str().unwrap();
            assert!(!sdp.contains('@'));
            assert!(sdp.starts_with("v=0\r\n") && sdp.ends_with("\r\n"));
            assert!(!sdp.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
