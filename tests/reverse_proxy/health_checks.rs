//! Health checks of HAProxy on each of its kinds: they succeed and leave no line in the log.

use super::haproxy::listener;
use super::host_and_port;
use testkit::{Certificate, Janus, Process, ReverseProxy, Service, eventually, http};

const STATISTICS: &str =
    "listen stats\n mode http\n bind @stats@\n timeout client 5s\n stats enable\n stats uri /\n";

/// The checks, each with the name of its listener.
fn checks(edge: &str, tls_edge: &str, admin_port: &str) -> String {
    let readyz = format!("default-server port {admin_port}");
    let websocket = "http-check send meth GET uri / ver HTTP/1.1 hdr host x hdr connection upgrade hdr upgrade \
                     websocket hdr sec-websocket-key haproxy hdr sec-websocket-version 13 hdr \
                     sec-websocket-protocol janus-protocol";
    let every = "check inter 50ms";
    let expect = "http-check expect status 101";
    [
        listener("tcp", "http", &format!("{edge} {every}"), &[]),
        listener("tcp_tls", "tcp", &format!("{tls_edge} {every}"), &[]),
        listener("tls", "tcp", &format!("{tls_edge} {every} check-ssl verify none"), &[]),
        listener("readyz", "http", &format!("{edge} {every}"), &["option httpchk GET /readyz", &readyz]),
        listener("livez", "http", &format!("{edge} {every}"), &["option httpchk HEAD /livez", &readyz]),
        listener("websocket", "http", &format!("{edge} {every}"), &["option httpchk", websocket, expect]),
        STATISTICS.to_owned(),
    ]
    .concat()
}

#[tokio::test]
async fn health_checks_succeed_and_log_nothing() {
    let (janus, certificate) = (Janus::start().await, Certificate::new());
    let backend = format!("a={}", janus.url());
    let (file, key) = (certificate.file(), certificate.key_file());
    let options = ["--backend", &backend, "--log", "info,edge=debug,service=debug"];
    let files = ["--tls-cert", file.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let tls_options = [&options[..], &files].concat();
    let (plain, with_tls) = tokio::join!(
        Process::start(Service::Standalone, &options),
        Process::start(Service::Standalone, &tls_options),
    );
    let admin = host_and_port(&plain.admin_url());
    let (_, admin_port) = admin.split_once(':').unwrap();
    let before = [plain.log(), with_tls.log()].map(|log| log.lines().count());
    let sections = checks(&host_and_port(&plain.url()), &host_and_port(&with_tls.url()), admin_port);
    let haproxy = ReverseProxy::haproxy(&sections).await;
    let stats = format!("http://{}/;csv", haproxy.address("stats"));
    for (listener, result) in [
        ("tcp", "L4OK"),
        ("tcp_tls", "L4OK"),
        ("tls", "L6OK"),
        ("readyz", "L7OK"),
        ("livez", "L7OK"),
        ("websocket", "L7OK"),
    ] {
        eventually(&format!("{listener} is checked"), async || {
            let page = http::get(&stats).await.body;
            page.lines().any(|line| line.starts_with(&format!("{listener},one,")) && line.contains(result))
        })
        .await;
    }
    let failed = http::get(&stats).await.body;
    assert!(!failed.contains(",DOWN,"), "{failed}");
    for (log, count) in [plain.log(), with_tls.log()].iter().zip(before) {
        let lines: Vec<_> = log.lines().skip(count).collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }
}
