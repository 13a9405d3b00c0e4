//! Each container restarts while a call is up.

use super::calls::Call;
use super::cluster::{Cluster, ONE};

#[tokio::test]
async fn a_call_stays_when_any_service_restarts() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    for service in ["router", "connector", "rest", "edge", "lb", "redis"] {
        cluster.restart(service).await.unwrap();
        cluster.has(ONE).await;
        call.goes_on().await;
        println!("a call has outlived a restart of {service}");
    }
    call.ends().await;
    call.begins_anew().await;
}

#[tokio::test]
async fn a_janus_that_restarts_waits_for_its_call() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    let restart = cluster.restart("janus");
    cluster.backends_are("Janus takes no more calls", <[_]>::is_empty).await;
    call.goes_on().await;
    assert!(!restart.is_finished(), "Janus went away before its call had ended");
    call.ends().await;
    restart.await.unwrap();
    cluster.has(ONE).await;
    call.begins_anew().await;
}
