//! Proxies that speak another protocol to the edge than it serves: each fails at once, and its cause is counted.

use super::haproxy::listener;
use super::{edge_address, host_and_port, refused_for, refused_upgrade};
use crate::fixture::Switchboard;
use testkit::{Certificate, Janus, Process, ReverseProxy, Service, eventually};

#[tokio::test]
async fn tls_http2_and_proxy_headers_are_refused() {
    let switchboard = Switchboard::on_memory().await;
    let edge = edge_address(&switchboard);
    let nginx = format!("server {{ listen @tls@; location / {{ proxy_pass https://{edge}; }} }}");
    let nginx = ReverseProxy::nginx(&nginx).await;
    let page = refused_upgrade(&nginx.address("tls")).await;
    assert!(page.starts_with("HTTP/1.1 502 "), "{page}");
    eventually("nginx logs the usual sign of a port without TLS", async || {
        nginx.log().contains("wrong version number")
    })
    .await;
    let sections = [
        listener("tls", "http", &format!("{edge} ssl verify none"), &["retries 0"]),
        listener("http2", "http", &format!("{edge} proto h2"), &["retries 0"]),
        listener("proxy_v1", "http", &format!("{edge} send-proxy"), &[]),
        listener("proxy_v2", "http", &format!("{edge} send-proxy-v2"), &[]),
    ]
    .concat();
    let haproxy = ReverseProxy::haproxy(&sections).await;
    for (name, status) in [("tls", "503"), ("http2", "503"), ("proxy_v1", "400"), ("proxy_v2", "400")] {
        let response = refused_upgrade(&haproxy.address(name)).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {response}");
        assert_eq!(response.contains("PROXY protocol"), status == "400", "{name}: {response}");
    }
    for (cause, count) in [("tls", 2), ("http2", 1), ("proxy_protocol", 2)] {
        let counted = refused_for(&switchboard, cause).await;
        assert!(counted >= count, "{cause}: {counted}");
    }
}

#[tokio::test]
async fn plain_http_to_a_tls_port_is_named_to_the_client() {
    let (janus, certificate) = (Janus::start().await, Certificate::new());
    let (file, key) = (certificate.file(), certificate.key_file());
    let backend = format!("--backend=a={}", janus.url());
    let tls = [&backend, "--tls-cert", file.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let standalone = Process::start(Service::Standalone, &tls).await;
    let edge = host_and_port(&standalone.url());
    let nginx = format!("server {{ listen @plain@; location / {{ proxy_pass http://{edge}; }} }}");
    let nginx = ReverseProxy::nginx(&nginx).await;
    let response = refused_upgrade(&nginx.address("plain")).await;
    assert!(response.starts_with("HTTP/1.1 400 ") && response.contains("this port speaks TLS"), "{response}");
}
