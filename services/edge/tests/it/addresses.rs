//! The limits of clients and addresses, and where addresses come from.

use crate::harness::Harness;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Client, RawWebsocket, connect_from, eventually, transport_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Protocol: janus-protocol\r\n";

async fn attached_from(address: &str, harness: &Harness) -> Client {
    let mut client = Client::over(transport_from(address, &harness.url).await).await;
    client.create().await;
    client.attach().await;
    client
}

/// Sends these bytes from an address; returns the connection, and the first line and the headers of the response.
async fn respond(address: &str, url: &str, bytes: &[u8]) -> (tokio::net::TcpStream, String) {
    let mut stream = connect_from(address, url).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = vec![0; 2048];
    let length = stream.read(&mut response).await.unwrap();
    (stream, String::from_utf8_lossy(&response[..length]).into_owned())
}

#[tokio::test]
async fn address_with_too_many_connections_is_refused() {
    let harness = Harness::start(&["--max-connections-per-address=2"]).await;
    let one = RawWebsocket::over(transport_from("127.0.0.2", &harness.url).await).await.unwrap();
    // A handshake that has not ended counts, too.
    let half_open = connect_from("127.0.0.2", &harness.url).await.unwrap();
    eventually("the third is refused", async || {
        let (_stream, response) = respond("127.0.0.2", &harness.url, UPGRADE.as_bytes()).await;
        response.starts_with("HTTP/1.1 429 Too Many Requests\r\n")
            && response.contains("\r\nRetry-After: 5\r\n")
    })
    .await;
    RawWebsocket::over(transport_from("127.0.0.3", &harness.url).await).await.unwrap();
    drop((one, half_open));
    eventually("the places are free again", async || {
        RawWebsocket::over(transport_from("127.0.0.2", &harness.url).await).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn trusted_proxies_name_their_clients() {
    let options = ["--max-connections-per-address=1", "--trusted-proxies=127.0.0.9,127.0.2.0/24"];
    let harness = Harness::start(&options).await;
    let mut kept = Vec::new();
    let mut expect = async |source: &str, header: &str, forwarded: &str, status: &str| {
        let bytes = format!("{header}{UPGRADE}{forwarded}\r\n");
        let (stream, response) = respond(source, &harness.url, bytes.as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}\n{response}");
        kept.push(stream);
    };
    let header = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 1 2\r\n");
    let forwarded = |clients: &str| format!("X-Forwarded-For: {clients}\r\n");
    // Each client has one place, however it is named.
    expect("127.0.0.9", &header("192.0.2.1"), "", "101").await;
    expect("127.0.0.9", &header("192.0.2.1"), "", "429").await;
    expect("127.0.0.9", "", &forwarded("192.0.2.1"), "429").await;
    expect("127.0.0.9", "", &forwarded("192.0.2.2"), "101").await;
    expect("127.0.2.7", "", &forwarded("192.0.2.9, 192.0.2.2, 127.0.0.9"), "429").await;
    // The header of a proxy behind another proxy.
    expect("127.0.0.9", &header("127.0.2.2"), &forwarded("192.0.2.3"), "101").await;
    expect("127.0.0.9", &header("192.0.2.4"), &forwarded("192.0.2.5"), "101").await;
    expect("127.0.0.9", "", &forwarded("192.0.2.5"), "101").await;
    // The proxies themselves have no limit.
    for _ in 0..3 {
        expect("127.0.0.9", "PROXY UNKNOWN\r\n", "", "101").await;
        expect("127.0.0.9", "", "", "101").await;
    }
    // Others cannot choose their address.
    expect("127.0.0.8", &header("192.0.2.6"), "", "400").await;
    expect("127.0.0.8", "", &forwarded("192.0.2.7"), "101").await;
    expect("127.0.0.8", "", &forwarded("192.0.2.8"), "429").await;
}

#[tokio::test]
async fn malformed_proxy_header_is_refused() {
    let harness = Harness::start(&["--trusted-proxies=127.0.0.9"]).await;
    for header in ["PROXY TCP4 x y 1 2\r\n", "\r\n\r\n\0\r\nQUIT\n\x33\x11\0\0"] {
        let (_stream, response) = respond("127.0.0.9", &harness.url, header.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 400 ") && response.contains("malformed"), "{response}");
    }
}

#[tokio::test]
async fn rate_of_an_address_outlives_its_connections() {
    let harness = Harness::start(&["--max-rate-per-address=20", "--max-rate=0"]).await;
    let began = Instant::now();
    for _ in 0..13 {
        let mut client = Client::over(transport_from("127.0.0.2", &harness.url).await).await;
        for _ in 0..10 {
            client.ping().await;
        }
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
    let other_began = Instant::now();
    Client::over(transport_from("127.0.0.3", &harness.url).await).await.ping().await;
    assert!(other_began.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn sessions_of_an_address_are_bounded() {
    let harness = Harness::start(&["--max-sessions-per-address=2"]).await;
    let mut one = attached_from("127.0.0.2", &harness).await;
    let mut two = attached_from("127.0.0.2", &harness).await;
    let refused = two.request(json!({"janus": "create"})).await;
    assert_eq!(refused["error"]["reason"], "Too many sessions of this address", "{refused}");
    attached_from("127.0.0.3", &harness).await;
    one.destroy().await;
    two.create().await;
}

#[tokio::test]
async fn requests_of_a_client_take_turns() {
    let mut harness =
        Harness::start(&["--max-concurrent-requests=2", "--max-concurrent-requests-per-address=3"]).await;
    let mut clients =
        [attached_from("127.0.0.2", &harness).await, attached_from("127.0.0.2", &harness).await];
    let mut expected = 0;
    for client in &mut clients {
        let mut handles = vec![client.handle()];
        for _ in 0..4 {
            client.attach().await;
            handles.push(client.handle());
        }
        let session = client.session();
        let list = |handle: &u64| {
            json!({"janus": "message", "transaction": "t", "session_id": session, "handle_id": handle,
                "body": {"request": "list"}})
            .to_string()
        };
        expected += handles.len();
        client.send_text(handles.iter().map(list).collect::<String>()).await;
    }
    let mut unanswered = Vec::new();
    for _ in 0..3 {
        unanswered.push(harness.request("list").await);
    }
    let more = tokio::time::timeout(Duration::from_millis(200), harness.request("list")).await;
    assert!(more.is_err(), "a fourth request at the routers");
    for answered in 0..expected {
        let received = unanswered.remove(0);
        harness.reply(&received, None, None, "list").await;
        if answered + 3 < expected {
            unanswered.push(harness.request("list").await);
        }
    }
    for client in &mut clients {
        for _ in 0..5 {
            client.expect("a list", |message: &Value| message["plugindata"].is_object()).await;
        }
        client.ping().await;
    }
}

#[tokio::test]
async fn calls_of_a_client_have_a_rate() {
    let mut harness = Harness::start(&["--max-call-rate=10"]).await;
    let mut client = attached_from("127.0.0.2", &harness).await;
    let began = Instant::now();
    for _ in 0..35 {
        let call = json!({"request": "call", "username": "nobody"});
        client.post_message(call, Some(testkit::sdp::offer())).await;
        let received = harness.request("call").await;
        harness.reply(&received, None, None, "calling").await;
        client.expect_event("calling").await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
}
