//! The session descriptions and candidates that scenarios name with a `$`.

use serde_json::{Value, json};
use testkit::sdp;

/// Returns what `$offer`, `$answer.e2ee`, `$candidate.1` and the like stand for.
pub fn by_name(name: &str) -> Option<Value> {
    let (kind, variant) = name.split_once('.').unwrap_or((name, ""));
    let plain = match kind {
        "offer" => sdp::offer(),
        "answer" => sdp::answer(),
        "candidate" => return variant.parse().ok().map(sdp::candidate),
        "completed" => return Some(sdp::end_of_candidates()),
        _ => return None,
    };
    Some(varied(plain, variant))
}

fn varied(mut jsep: Value, variant: &str) -> Value {
    let text = jsep["sdp"].as_str().unwrap().to_owned();
    let changed = match variant {
        "" => text,
        "e2ee" => {
            jsep["e2ee"] = json!(true);
            text
        }
        "extras" => {
            let extras =
                json!({"trickle": true, "rid_order": "hml", "force_relay": false, "e2ee": false, "more": {}});
            jsep.as_object_mut().unwrap().extend(extras.as_object().unwrap().clone());
            text
        }
        "whole" => {
            jsep["trickle"] = json!(false);
            let candidate = "a=candidate:1 1 udp 2113937151 198.51.100.1 50000 typ host";
            text.replace("a=mid:0\r\n", &format!("a=mid:0\r\n{candidate}\r\na=end-of-candidates\r\n"))
        }
        "upper" => {
            jsep["type"] = json!(jsep["type"].as_str().unwrap().to_uppercase());
            text
        }
        "data" => with_data(&text),
        "simulcast" => with_simulcast(&text),
        "restart" => restarted(&text),
        "held" => text.replace("a=sendrecv", "a=sendonly"),
        "large" => text + "a=x-padding:0123456789012345678901234567890123456789\r\n".repeat(100).as_str(),
        "audio" => audio_only(&text),
        _ => panic!("there is no session description of the variant {variant}"),
    };
    jsep["sdp"] = json!(changed);
    jsep
}

/// A third section, for a data channel, that shares the transport of the others.
fn with_data(text: &str) -> String {
    let transport: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("m=video"))
        .filter(|line| ["a=ice-", "a=fingerprint", "a=setup"].iter().any(|start| line.starts_with(start)))
        .collect();
    let section = format!(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n{}\r\na=mid:2\r\na=sctp-port:5000\r\n",
        transport.join("\r\n")
    );
    text.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + section.as_str()
}

/// Three layers of video, by rid.
fn with_simulcast(text: &str) -> String {
    let layers = "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n";
    let extension = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n";
    let kept = text.lines().filter(|line| !line.starts_with("a=ssrc:32"));
    let mut changed = kept.collect::<Vec<_>>().join("\r\n") + "\r\n";
    changed.push_str(extension);
    changed.push_str(layers);
    changed
}

/// The next version of the session, with other ICE credentials.
fn restarted(text: &str) -> String {
    text.replace("7012345678901234567 2 ", "7012345678901234567 3 ")
        .replace("a=ice-ufrag:", "a=ice-ufrag:re")
        .replace("testkit0testkit0testkit0", "restart0restart0restart0")
}

fn audio_only(text: &str) -> String {
    let audio = text.lines().take_while(|line| !line.starts_with("m=video")).collect::<Vec<_>>();
    (audio.join("\r\n") + "\r\n").replace("BUNDLE 0 1", "BUNDLE 0")
}
