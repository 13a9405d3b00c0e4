//! A master behind a Sentinel, both with TLS and client certificates, and the Sentinel with a password.

use bus::Bus;
use directory::Directory;
use redis_connection::{ClientCertificate, SentinelConfig, Server, ServerConfig};
use std::fs;
use testkit::secured_sentinel::{PASSWORD, SecuredSentinel};
use testkit::{Certificate, eventually};

fn config(url: String, certificate: &Certificate) -> ServerConfig {
    let read = |file| fs::read(file).expect("the file was written");
    let (pem, key) = (read(certificate.file()), read(certificate.key_file()));
    ServerConfig {
        url,
        ca: Some(pem.clone()),
        client_certificate: Some(ClientCertificate { certificate: pem, key }),
        sentinel: SentinelConfig { user: None, password: Some(PASSWORD.to_owned()), tls: true },
        ..ServerConfig::default()
    }
}

async fn error(config: ServerConfig) -> String {
    let server = Server::new(&config).expect("the configuration is valid");
    Bus::connect(&server).await.err().expect("no connection").to_string()
}

#[tokio::test]
async fn tls_and_passwords_reach_sentinel_and_master() {
    let certificate = Certificate::new();
    let sentinel = SecuredSentinel::start(&certificate).await;
    let config = config(sentinel.url(), &certificate);
    let server = Server::new(&config).unwrap();
    // A Sentinel that has just started does not know its master yet.
    eventually("the bus connects", async || Bus::connect(&server).await.is_ok()).await;
    assert!(Bus::connect(&server).await.unwrap().ping().await.is_ok());
    assert!(Directory::connect(&server).await.unwrap().ping().await.is_ok());

    let wrong = SentinelConfig { password: Some("wrong".to_owned()), ..config.sentinel.clone() };
    let text = error(ServerConfig { sentinel: wrong, ..config.clone() }).await;
    assert!(text.contains("WRONGPASS") || text.contains("uthentication"), "{text}");
    let without = error(ServerConfig { client_certificate: None, ..config.clone() }).await;
    assert!(!without.contains(PASSWORD), "{without}");
    let plain = SentinelConfig { tls: false, ..config.sentinel.clone() };
    let in_plain = error(ServerConfig { sentinel: plain, ..config }).await;
    assert!(!in_plain.contains(PASSWORD), "{in_plain}");
}
