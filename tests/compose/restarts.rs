//! Each container restarts during a call.

use super::calls::Call;
use super::cluster::{Cluster, ONE};

#[tokio::test]
async fn call_survives_the_restart_of_any_service() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    for service in ["router", "connector", "rest", "edge", "lb", "redis"] {
        cluster.restart(service).await.unwrap();
        cluster.has(ONE).await;
        call.expect_media().await;
        println!("a call has outlived a restart of {service}");
    }
    call.end().await;
    call.call_again().await;
}

#[tokio::test]
async fn restarting_janus_waits_for_its_call() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    let restart = cluster.restart("janus");
    cluster.backends_are("Janus takes no more calls", <[_]>::is_empty).await;
    call.expect_media().await;
    assert!(!restart.is_finished(), "Janus went away before its call had ended");
    call.end().await;
    restart.await.unwrap();
    cluster.has(ONE).await;
    call.call_again().await;
}
