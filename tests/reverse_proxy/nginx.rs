//! nginx: HTTP/1.0 and 1.1 to the edge, TLS to clients, headers that it drops, and its time-outs.

use super::{adapted, call_both_ways, documented, edge_address, open_for, refused_for, refused_upgrade};
use crate::fixture::Switchboard;
use std::time::Duration;
use testkit::{Certificate, Client, ReverseProxy};

/// As operators set the headers, without `proxy_http_version`: nginx then speaks HTTP/1.0.
const HEADERS: &str = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

/// A server that passes requests on with these directives.
fn server(listener: &str, edge: &str, directives: &str) -> String {
    format!("server {{ listen @{listener}@; location / {{ proxy_pass http://{edge}; {directives} }} }}\n")
}

#[tokio::test]
async fn calls_pass_over_http_1_0_and_1_1() {
    let switchboard = Switchboard::on_memory().await;
    let edge = edge_address(&switchboard);
    let servers =
        [server("old", &edge, HEADERS), server("new", &edge, &format!("proxy_http_version 1.1; {HEADERS}"))]
            .concat();
    let nginx = ReverseProxy::nginx(&servers).await;
    let alice = Client::attached(&nginx.url("old")).await;
    let bob = Client::attached(&nginx.url("new")).await;
    call_both_ways(alice, bob).await;
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn documented_configuration_carries_calls_over_tls() {
    let (switchboard, certificate) = (Switchboard::on_memory().await, Certificate::new());
    let edge = edge_address(&switchboard);
    let (file, key) = (certificate.file(), certificate.key_file());
    let configuration = adapted(
        documented("upstream edges {"),
        &[
            ("    server 10.0.0.12:8188;\n", ""),
            ("10.0.0.11:8188", &edge),
            ("listen 443 ssl", "listen @tls@ ssl"),
            ("/etc/ssl/switchboard.pem", file.to_str().unwrap()),
            ("/etc/ssl/switchboard.key", key.to_str().unwrap()),
        ],
    );
    let nginx = ReverseProxy::nginx(&configuration).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::over(certificate.connect(&nginx.address("tls")).await).await;
        client.create().await;
        client.attach().await;
        clients.push(client);
    }
    let (bob, alice) = (clients.pop().unwrap(), clients.pop().unwrap());
    call_both_ways(alice, bob).await;
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn dropped_headers_are_named_to_the_client() {
    let switchboard = Switchboard::on_memory().await;
    let edge = edge_address(&switchboard);
    let no_subprotocol = format!("{HEADERS} proxy_set_header Sec-WebSocket-Protocol \"\";");
    let cases = [
        ("bare", "", "upgrade", "426", "`Upgrade: websocket` is missing"),
        (
            "half",
            "proxy_set_header Upgrade $http_upgrade;",
            "connection",
            "400",
            "`Connection: Upgrade` is missing",
        ),
        ("subprotocol", &no_subprotocol, "subprotocol", "400", "janus-protocol` is missing"),
        (
            "version",
            &format!("{HEADERS} proxy_set_header Sec-WebSocket-Version 8;"),
            "version",
            "426",
            "version 13",
        ),
        (
            "key",
            &format!("{HEADERS} proxy_set_header Sec-WebSocket-Key \"\";"),
            "key",
            "400",
            "Sec-WebSocket-Key is missing",
        ),
        ("method", &format!("{HEADERS} proxy_method POST;"), "method", "405", "method GET"),
    ];
    let servers = cases.iter().map(|(listener, directives, ..)| server(listener, &edge, directives));
    let nginx = ReverseProxy::nginx(&servers.collect::<String>()).await;
    for (listener, _, cause, status, words) in cases {
        let response = refused_upgrade(&nginx.address(listener)).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{listener}: {response}");
        assert!(response.contains(words), "{listener}: {response}");
        assert_eq!(refused_for(&switchboard, cause).await, 1, "{listener}");
    }
}

#[tokio::test]
async fn pings_keep_idle_clients_behind_its_time_out() {
    let pinging = Switchboard::on_memory_with(&["--ping-interval", "1"]).await;
    let silent = Switchboard::on_memory_with(&["--ping-interval", "0"]).await;
    let times = format!("{HEADERS} proxy_read_timeout 2s; proxy_send_timeout 2s;");
    let servers = [
        server("pinging", &edge_address(&pinging), &times),
        server("silent", &edge_address(&silent), &times),
    ]
    .concat();
    let nginx = ReverseProxy::nginx(&servers).await;
    let (limit, urls) = (Duration::from_secs(5), [nginx.url("pinging"), nginx.url("silent")]);
    let (kept, cut) = tokio::join!(open_for(&urls[0], limit), open_for(&urls[1], limit));
    assert!(kept >= limit && cut < limit, "{kept:?}, without pings {cut:?}");
}
