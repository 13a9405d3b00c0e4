//! HAProxy: HTTP and TCP mode, TLS to clients, headers that it drops, and its time-outs.

use super::{
    adapted, call_both_ways, documented, edge_address, host_and_port, open_for, refused_for, refused_upgrade,
};
use crate::fixture::Switchboard;
use std::time::Duration;
use testkit::{Certificate, Client, Janus, Process, ReverseProxy, Service};

/// A listener with these lines.
pub fn listener(name: &str, mode: &str, server: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!(" {line}\n")).collect();
    format!(
        "listen {name}\n bind @{name}@\n mode {mode}\n timeout connect 3s\n timeout client 30s\n timeout server 30s\n\
         {lines} server one {server}\n"
    )
}

#[tokio::test]
async fn calls_pass_in_http_and_tcp_mode() {
    let switchboard = Switchboard::on_memory().await;
    let edge = edge_address(&switchboard);
    let sections =
        [listener("http", "http", &edge, &["option forwardfor"]), listener("tcp", "tcp", &edge, &[])]
            .concat();
    let haproxy = ReverseProxy::haproxy(&sections).await;
    let alice = Client::attached(&haproxy.url("http")).await;
    let bob = Client::attached(&haproxy.url("tcp")).await;
    call_both_ways(alice, bob).await;
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn documented_configuration_carries_calls_over_tls() {
    let (janus, certificate) = (Janus::start().await, Certificate::new());
    let backend = format!("a={}", janus.url());
    let standalone = Process::start(Service::Standalone, &["--backend", &backend]).await;
    let (edge, admin) = (host_and_port(&standalone.url()), host_and_port(&standalone.admin_url()));
    let combined = certificate.combined_file();
    let configuration = adapted(
        documented("defaults"),
        &[
            ("    server two 10.0.0.12:8188\n", ""),
            ("10.0.0.11:8188", &edge),
            ("port 9091", &format!("port {}", admin.split_once(':').unwrap().1)),
            ("bind :443", "bind @tls@"),
            ("/etc/haproxy/switchboard.pem", combined.to_str().unwrap()),
        ],
    );
    let haproxy = ReverseProxy::haproxy(&configuration).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::over(certificate.connect(&haproxy.address("tls")).await).await;
        client.create().await;
        client.attach().await;
        clients.push(client);
    }
    let (bob, alice) = (clients.pop().unwrap(), clients.pop().unwrap());
    call_both_ways(alice, bob).await;
}

#[tokio::test]
async fn dropped_subprotocol_is_named_to_the_client() {
    let switchboard = Switchboard::on_memory().await;
    let drop = ["http-request del-header Sec-WebSocket-Protocol"];
    let haproxy =
        ReverseProxy::haproxy(&listener("clients", "http", &edge_address(&switchboard), &drop)).await;
    let response = refused_upgrade(&haproxy.address("clients")).await;
    assert!(
        response.starts_with("HTTP/1.1 400 ") && response.contains("janus-protocol` is missing"),
        "{response}"
    );
    assert_eq!(refused_for(&switchboard, "subprotocol").await, 1);
}

#[tokio::test]
async fn pings_keep_idle_clients_behind_its_time_out() {
    let pinging = Switchboard::on_memory_with(&["--ping-interval", "1"]).await;
    let silent = Switchboard::on_memory_with(&["--ping-interval", "0"]).await;
    let tunnel = ["timeout tunnel 2s"];
    let sections = [
        listener("pinging", "http", &edge_address(&pinging), &tunnel),
        listener("silent", "http", &edge_address(&silent), &tunnel),
    ]
    .concat();
    let haproxy = ReverseProxy::haproxy(&sections).await;
    let (limit, urls) = (Duration::from_secs(5), [haproxy.url("pinging"), haproxy.url("silent")]);
    let (kept, cut) = tokio::join!(open_for(&urls[0], limit), open_for(&urls[1], limit));
    assert!(kept >= limit && cut < limit, "{kept:?}, without pings {cut:?}");
}
