//! A hostile client beside the pairs and the faults: it asks for much within the rules, sends what is no request, and
//! leaves its sockets without a goodbye.

use super::report::Report;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::message::VIDEOCALL;
use testkit::raw_websocket::{RawWebsocket, Received};
use testkit::{Rng, sdp};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Attacks a second, each of a few frames.
const RATE: u32 = 10;
/// Attacks on one socket, which is then dropped.
const ATTACKS_A_SOCKET: usize = 20;
/// How long an edge may take to reply before the attacker connects to the other one.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);
/// The size of a large session description, in bytes.
const LARGE_OFFER: usize = 64 * 1024;
/// Values that Janus cannot read, and texts that are no request.
const ODD_TEXTS: [&str; 6] =
    ["[[[[", "{\"janus\":1e999}", "null", "[{},{},{}]", "{\"janus\":\"\\ud800\"}", "\u{202e}"];

/// Attacks until `end`.
pub async fn run(edge_urls: Vec<String>, seed: u64, end: Instant, report: &Report) {
    let mut rng = Rng::stream(seed, 4);
    let mut pace = interval(Duration::from_secs(1) / RATE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 0.. {
        let Some(mut socket) = AttackSocket::open(&edge_urls[number % edge_urls.len()], number).await else {
            sleep(PAUSE).await;
            if Instant::now() >= end {
                return;
            }
            continue;
        };
        for _ in 0..ATTACKS_A_SOCKET {
            pace.tick().await;
            if Instant::now() >= end {
                return socket.leave().await;
            }
            if !socket.attack(&mut rng).await {
                break;
            }
            report.note("attacks");
        }
    }
}

/// A websocket with a session and a handle under a name.
struct AttackSocket {
    websocket: RawWebsocket,
    session: Value,
    handle: Value,
    name: String,
}

impl AttackSocket {
    async fn open(url: &str, number: usize) -> Option<Self> {
        let websocket = RawWebsocket::open(url).await.ok()?;
        let mut socket =
            Self { websocket, session: json!(0), handle: json!(0), name: format!("attacker {number}") };
        socket.session = socket.id_of(json!({"janus": "create"})).await?;
        // The last name is the attacker's own, the other its accomplice's.
        for name in [format!("{} accomplice", socket.name), socket.name.clone()] {
            socket.handle = json!(0);
            socket.handle = socket.id_of(json!({"janus": "attach", "plugin": VIDEOCALL})).await?;
            socket.message(json!({"request": "register", "username": name}), None).await.then_some(())?;
        }
        Some(socket)
    }

    /// Makes one attack. Returns whether the socket is still open.
    async fn attack(&mut self, rng: &mut Rng) -> bool {
        match rng.below(6) {
            0 => self.message(json!({"request": "list"}), None).await,
            1 => self.message(json!({"request": "hangup", "reason": "x".repeat(100_000)}), None).await,
            2 => self.call(sdp::offer_of_size(LARGE_OFFER)).await && self.hang_up().await,
            3 => {
                // A burst of calls.
                let mut is_open = true;
                for _ in 0..5 {
                    is_open = is_open && self.call(sdp::offer()).await && self.hang_up().await;
                }
                is_open
            }
            4 => self.websocket.send(ODD_TEXTS[rng.below(ODD_TEXTS.len())].to_owned()).await,
            // The socket is dropped, and its session waits for a claim.
            _ => false,
        }
    }

    /// Calls the accomplice, whose events are on the same socket. Nobody reads it.
    async fn call(&mut self, offer: Value) -> bool {
        let body = json!({"request": "call", "username": format!("{} accomplice", self.name)});
        self.message(body, Some(offer)).await
    }

    async fn hang_up(&mut self) -> bool {
        self.message(json!({"request": "hangup"}), None).await
    }

    async fn message(&mut self, body: Value, jsep: Option<Value>) -> bool {
        let mut request = json!({"janus": "message", "body": body});
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        self.send(request).await
    }

    async fn leave(mut self) {
        let _ = self.id_of(json!({"janus": "destroy"})).await;
    }

    /// Sends a request and returns the id in the reply.
    async fn id_of(&mut self, request: Value) -> Option<Value> {
        self.send(request).await.then_some(())?;
        loop {
            match self.websocket.next_until(Instant::now() + REPLY_TIMEOUT).await {
                Received::Text(text) => {
                    let reply: Value = serde_json::from_str(&text).ok()?;
                    if reply["janus"] == "success" {
                        return Some(reply["data"]["id"].clone());
                    }
                }
                Received::Closed | Received::Timeout => return None,
            }
        }
    }

    async fn send(&mut self, mut request: Value) -> bool {
        request["transaction"] = json!("attack");
        if self.session != 0 {
            request["session_id"] = self.session.clone();
        }
        if self.handle != 0 && request["janus"] != "destroy" {
            request["handle_id"] = self.handle.clone();
        }
        self.websocket.send(request.to_string()).await
    }
}
