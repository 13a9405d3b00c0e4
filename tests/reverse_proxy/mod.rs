//! A real nginx and a real HAProxy in front of an edge, set up as operators do. The configurations of
//! docs/operate.md are among them.

mod client_addresses;
mod haproxy;
mod health_checks;
mod nginx;
mod wrong_protocol;

use crate::fixture::Switchboard;
use serde_json::json;
use std::time::Duration;
use testkit::raw_websocket::Received;
use testkit::{Client, RawWebsocket, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const DOCUMENT: &str = include_str!("../../docs/operate.md");

/// The code block of docs/operate.md that begins with this line.
fn documented(first_line: &str) -> &'static str {
    let start = DOCUMENT.find(&format!("```\n{first_line}\n")).expect("the block is documented");
    let block = &DOCUMENT[start + "```\n".len()..];
    &block[..block.find("```").unwrap()]
}

/// Replaces the addresses, ports and files of a documented configuration. Each must be there.
fn adapted(configuration: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(configuration.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

/// The address of the edge.
fn edge_address(switchboard: &Switchboard) -> String {
    host_and_port(&switchboard.edge_url(0))
}

fn host_and_port(url: &str) -> String {
    url.split_once("://").unwrap().1.to_owned()
}

/// Two clients that are connected already call each other, in both directions.
async fn call_both_ways(mut alice: Client, mut bob: Client) {
    alice.register("alice").await;
    bob.register("bob").await;
    for _ in 0..2 {
        call(&mut alice, &mut bob, "bob").await;
        call(&mut bob, &mut alice, "alice").await;
    }
}

async fn call(caller: &mut Client, callee: &mut Client, name: &str) {
    caller.call(name).await;
    callee.expect_event("incomingcall").await;
    callee.accept().await;
    caller.expect_event("accepted").await;
    caller.hangup().await;
    for client in [caller, callee] {
        client.expect_core("hangup").await;
    }
}

/// Asks for a websocket of the Janus API as browsers do; returns the response up to its end, which comes at once.
async fn refused_upgrade(address: &str) -> String {
    let request = format!(
        "GET /janus HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: janus-protocol\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let response = async {
        // A proxy may keep the connection open after the response.
        while !String::from_utf8_lossy(&received).contains(".\n") && !is_final_error(&received) {
            if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    timeout(Duration::from_secs(3), response).await.expect("the refusal comes at once");
    String::from_utf8_lossy(&received).into_owned()
}

/// Whether a page of the proxy's own has been received.
fn is_final_error(received: &[u8]) -> bool {
    received.ends_with(b"</html>\r\n") || received.ends_with(b"</body></html>\n")
}

/// How long this websocket stays open while its client sends nothing but pongs, at most `limit`.
async fn open_for(url: &str, limit: Duration) -> Duration {
    let opened = Instant::now();
    let mut websocket = RawWebsocket::open(url).await.unwrap();
    let received = websocket.next_until(opened + limit).await;
    assert!(!matches!(received, Received::Text(_)), "{received:?}");
    if received == Received::Timeout {
        let ping = json!({"janus": "ping", "transaction": "t"});
        assert!(websocket.send(ping.to_string()).await);
        let pong = websocket.next_until(Instant::now() + testkit::DEADLINE).await;
        assert!(matches!(&pong, Received::Text(text) if text.contains("pong")), "{pong:?}");
    }
    opened.elapsed()
}

/// The number of handshakes that the edge has refused for this cause.
async fn refused_for(switchboard: &Switchboard, cause: &str) -> u64 {
    let metrics = http::get(&format!("{}/metrics", switchboard.rest_url().unwrap())).await.body;
    let name = format!("switchboard_edge_refused_handshakes_total{{cause=\"{cause}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("there is no {name}")).parse().unwrap()
}
