//! The addresses of clients as real proxies pass them on, by the PROXY protocol and in `X-Forwarded-For`. Each address has
//! one place at the edge, so a second client of one address is refused, and one of another address is not.

use super::haproxy::listener;
use super::{edge_address, host_and_port};
use crate::fixture::Switchboard;
use testkit::{Certificate, Janus, Process, RawWebsocket, ReverseProxy, Service, connect_from};

const OPTIONS: [&str; 2] = ["--max-connections-per-address=1", "--trusted-proxies=127.0.0.1"];

/// Opens websockets from two addresses of this network through a proxy.
async fn expect_an_address_each(proxy: &ReverseProxy, name: &str, network: &str, status: &str) {
    let open = async |host: u8| {
        let stream = connect_from(&format!("{network}.{host}"), &proxy.url(name)).await.unwrap();
        RawWebsocket::over(Box::new(stream)).await
    };
    let one = open(1).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let second = open(1).await.err().unwrap_or_else(|| panic!("{name}: the address has a second place"));
    assert!(second.contains(status), "{name}: {second}");
    let other = open(2).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    drop((one, other));
}

#[tokio::test]
async fn haproxy_passes_the_addresses_of_clients_on() {
    let switchboard = Switchboard::on_memory_with(&OPTIONS).await;
    let edge = edge_address(&switchboard);
    let sections = [
        listener("forwarded", "http", &edge, &["option forwardfor"]),
        listener("v1", "tcp", &format!("{edge} send-proxy"), &[]),
        listener("v2", "tcp", &format!("{edge} send-proxy-v2"), &[]),
        listener("http_v2", "http", &format!("{edge} send-proxy-v2"), &[]),
        listener(
            "v2_options",
            "tcp",
            &format!("{edge} send-proxy-v2 proxy-v2-options unique-id,crc32c"),
            &[],
        ),
        listener("checked", "tcp", &format!("{edge} send-proxy-v2 check inter 50ms check-send-proxy"), &[]),
    ]
    .concat();
    let haproxy = ReverseProxy::haproxy(&sections).await;
    let names = ["forwarded", "v1", "v2", "http_v2", "v2_options", "checked"];
    for (number, name) in names.iter().enumerate() {
        expect_an_address_each(&haproxy, name, &format!("127.0.{}", number + 10), "429").await;
    }
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn haproxy_passes_them_on_before_tls() {
    let (janus, certificate) = (Janus::start().await, Certificate::new());
    let backend = format!("--backend=a={}", janus.url());
    let (file, key) = (certificate.file(), certificate.key_file());
    let tls = [&backend, "--tls-cert", file.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let standalone = Process::start(Service::Standalone, &[&tls[..], &OPTIONS].concat()).await;
    let edge = host_and_port(&standalone.url());
    let sections = [
        listener("v1", "http", &format!("{edge} send-proxy ssl verify none"), &[]),
        listener("v2", "http", &format!("{edge} send-proxy-v2 ssl verify none"), &[]),
        listener("forwarded", "http", &format!("{edge} ssl verify none"), &["option forwardfor"]),
    ]
    .concat();
    let haproxy = ReverseProxy::haproxy(&sections).await;
    // Without a request the edge can only close the connection; HAProxy tells the client then.
    for (number, (name, status)) in [("v1", "503"), ("v2", "503"), ("forwarded", "429")].iter().enumerate() {
        expect_an_address_each(&haproxy, name, &format!("127.0.{}", number + 20), status).await;
    }
}

#[tokio::test]
async fn nginx_passes_them_on_and_clients_cannot_choose_theirs() {
    let switchboard = Switchboard::on_memory_with(&OPTIONS).await;
    let edge = edge_address(&switchboard);
    let upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";
    // The client's own header comes before the address that nginx adds.
    let invented = "proxy_set_header X-Forwarded-For \"192.0.2.$remote_port, $remote_addr\";";
    let added = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
    let server = |name: &str, directives: &str| {
        format!(
            "server {{ listen @{name}@; location / {{ proxy_pass http://{edge}; {upgrade} {directives} }} }}\n"
        )
    };
    let nginx = ReverseProxy::nginx(&[server("added", added), server("invented", invented)].concat()).await;
    for (number, name) in ["added", "invented"].iter().enumerate() {
        expect_an_address_each(&nginx, name, &format!("127.0.{}", number + 30), "429").await;
    }
    switchboard.expect_clean().await;
}
