//! A Redis that is guarded: spoken to over TLS, and by a user of ACL with no more rights than docs/operate.md
//! lists. Each test brings up whole processes; the Redis is the real one.

use crate::fixture::redis_connection;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::{Path, PathBuf};
use testkit::redis::RedisConfig;
use testkit::{Client, Cluster, Janus, Process, Redis, Service, eventually, http};

const DOCUMENT: &str = include_str!("../../docs/operate.md");
/// How the line of the document begins that makes the user.
const MAKES_THE_USER: &str = "ACL SETUSER switchboard ";

/// A certificate of localhost and its key, in two files of the folder.
fn certify(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&files.0, cert.pem()).unwrap();
    std::fs::write(&files.1, signing_key.serialize_pem()).unwrap();
    files
}

/// A call from one edge to the other, to its end.
async fn a_call_goes_well(cluster: &Cluster) {
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(1), "bob").await;
    super::call::connect(&mut alice, &mut bob).await;
    alice.hangup().await;
    bob.expect_core("hangup").await;
    alice.destroy().await;
    bob.destroy().await;
}

#[tokio::test]
async fn a_call_is_made_over_tls() {
    let (janus, folder) = (Janus::start().await, tempfile::tempdir().unwrap());
    let certificate = certify(folder.path(), "redis");
    let trusted = format!("--redis-ca={}", certificate.0.display());
    let redis = Redis::with(RedisConfig { certificate: Some(certificate), ..RedisConfig::default() }).await;
    let plan = Cluster::new(&redis).edges(2).rests(1).backend("a", &janus);
    a_call_goes_well(&plan.redis(&redis.tls_url(), &[&trusted]).start().await).await;
}

#[tokio::test]
async fn a_redis_with_the_certificate_of_somebody_else_is_told_and_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, other) = (certify(folder.path(), "redis"), certify(folder.path(), "other"));
    let redis = Redis::with(RedisConfig { certificate: Some(certificate), ..RedisConfig::default() }).await;
    let trusted = format!("--redis-ca={}", other.0.display());
    let router = Process::spawn(Service::Router, &["--redis", &redis.tls_url(), &trusted]);
    let readyz = format!("{}/readyz", router.admin_url());
    eventually("the router says what is wrong", async || {
        let answer = http::ask("GET", &readyz, "").await;
        answer.is_ok_and(|it| it.status == 503 && it.body.contains("invalid peer certificate"))
    })
    .await;
}

#[tokio::test]
async fn a_user_with_the_rights_of_the_document_is_enough() {
    let (janus, redis) = (Janus::start().await, Redis::start().await);
    let mut admin = redis_connection(&redis.url()).await;
    let line = DOCUMENT.lines().map(str::trim).find(|line| line.starts_with(MAKES_THE_USER)).unwrap();
    let mut make = redis::Cmd::new();
    line.split(' ').for_each(|word| {
        make.arg(word);
    });
    make.exec_async(&mut admin).await.unwrap();
    let url = redis.url().replace("redis://", "redis://switchboard:SECRET@");
    let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).rests(1).backend("a", &janus);
    let mut cluster = plan.redis(&url, &[]).start().await;
    a_call_goes_well(&cluster).await;
    let road = format!("{}/api/v1/cluster", cluster.rest_url(0));
    assert_eq!(http::ask("GET", &road, "").await.unwrap().status, 200);
    // What is done when services end and others inherit, and when Redis has lost everything.
    cluster.edges[0].restart().await;
    cluster.connectors[0].restart().await;
    redis::cmd("FLUSHALL").exec_async(&mut admin).await.unwrap();
    cluster.wait_ready().await;
    eventually("a backend is announced again", async || {
        let status = redis::cmd("HGET").arg("januscloud:backend_servers:a").arg("status").to_owned();
        status.query_async::<Option<String>>(&mut admin).await.unwrap().as_deref() == Some("0")
    })
    .await;
    a_call_goes_well(&cluster).await;
    let refused: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query_async(&mut admin).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
}
