//! A protected Redis: connections over TLS, and an ACL user with only the rights that docs/operate.md lists.
//! Each test runs whole processes and a real Redis.

use crate::fixture::redis_connection;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::{Path, PathBuf};
use testkit::redis::RedisConfig;
use testkit::{Client, Cluster, Janus, Process, Redis, Service, eventually, http};

const DOCUMENT: &str = include_str!("../../docs/operate.md");
/// The beginning of the line in the document that creates the user.
const ACL_COMMAND: &str = "ACL SETUSER switchboard ";

/// Writes a certificate of localhost and its key into two files of the folder.
fn write_certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&files.0, cert.pem()).unwrap();
    std::fs::write(&files.1, signing_key.serialize_pem()).unwrap();
    files
}

/// Makes a call from one edge to the other, and ends it.
async fn call_succeeds(cluster: &Cluster) {
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(1), "bob").await;
    super::call::connect(&mut alice, &mut bob).await;
    alice.hangup().await;
    bob.expect_core("hangup").await;
    alice.destroy().await;
    bob.destroy().await;
}

#[tokio::test]
async fn call_succeeds_over_tls() {
    let (janus, folder) = (Janus::start().await, tempfile::tempdir().unwrap());
    let certificate = write_certificate(folder.path(), "redis");
    let trusted = format!("--redis-ca={}", certificate.0.display());
    let redis = Redis::with(RedisConfig { certificate: Some(certificate), ..RedisConfig::default() }).await;
    let plan = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus);
    call_succeeds(&plan.redis(&redis.tls_url(), &[&trusted]).start().await).await;
}

#[tokio::test]
async fn redis_with_untrusted_certificate_is_refused_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, other) =
        (write_certificate(folder.path(), "redis"), write_certificate(folder.path(), "other"));
    let redis = Redis::with(RedisConfig { certificate: Some(certificate), ..RedisConfig::default() }).await;
    let trusted = format!("--redis-ca={}", other.0.display());
    let router = Process::spawn(Service::Router, &["--redis", &redis.tls_url(), &trusted]);
    let readyz = format!("{}/readyz", router.admin_url());
    eventually("the router reports the certificate", async || {
        let answer = http::send("GET", &readyz, "").await;
        answer.is_ok_and(|it| it.status == 503 && it.body.contains("invalid peer certificate"))
    })
    .await;
}

#[tokio::test]
async fn documented_acl_rights_suffice() {
    let (janus, redis) = (Janus::start().await, Redis::start().await);
    let mut admin = redis_connection(&redis.url()).await;
    let line = DOCUMENT.lines().map(str::trim).find(|line| line.starts_with(ACL_COMMAND)).unwrap();
    let mut command = redis::Cmd::new();
    line.split(' ').for_each(|word| {
        command.arg(word);
    });
    command.exec_async(&mut admin).await.unwrap();
    let url = redis.url().replace("redis://", "redis://switchboard:SECRET@");
    let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).rests(1).backend("a", &janus);
    let mut cluster = plan.redis(&url, &[]).start().await;
    call_succeeds(&cluster).await;
    let api = format!("{}/api/v1/cluster", cluster.rest_url(0));
    assert_eq!(http::send("GET", &api, "").await.unwrap().status, 200);
    // Covers the shutdown of services, takeovers, and a Redis that has lost its data.
    cluster.edges[0].restart().await;
    cluster.connectors[0].restart().await;
    redis::cmd("FLUSHALL").exec_async(&mut admin).await.unwrap();
    cluster.wait_ready().await;
    // Until an edge has created its mailbox again, a reply of a router is lost (docs/failure.md).
    eventually("the mailboxes of both edges are there again", async || {
        let mailboxes = redis::cmd("KEYS").arg("sb:{edge-*}").to_owned();
        mailboxes.query_async::<Vec<String>>(&mut admin).await.unwrap().len() == 2
    })
    .await;
    eventually("a backend is announced again", async || {
        let status = redis::cmd("HGET").arg("januscloud:backend_servers:a").arg("status").to_owned();
        status.query_async::<Option<String>>(&mut admin).await.unwrap().as_deref() == Some("0")
    })
    .await;
    call_succeeds(&cluster).await;
    let refused: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query_async(&mut admin).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
}
