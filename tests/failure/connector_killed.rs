//! A connector is killed: another one takes its lease, claims the Janus sessions and continues its calls.

use super::cluster::{Fixture, expect_call_end, hang_up, leave, talk, wait_until_persisted};
use super::measure::Since;
use serde_json::json;
use std::time::Duration;
use testkit::sdp;

const EVENT: &str = "connector is killed";
const LEASE: Duration = Duration::from_secs(5);
/// The lease, and then the requests to Janus.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(8);

#[tokio::test]
async fn another_connector_takes_over_all_calls() {
    let mut fixture = Fixture::start().await;
    let former = fixture.lease_holder();
    let (mut talking, mut renegotiating, mut ending) = tokio::join!(
        fixture.call("alice", "bob"),
        fixture.call("carol", "dave"),
        fixture.call("erin", "frank"),
    );
    let others = fixture.legs().await;
    let mut disconnected = fixture.call("grace", "heidi").await;
    let (session, handle) = *fixture.legs().await.difference(&others).next().unwrap();
    let (mut ringing, mut calling) = tokio::join!(fixture.pair("ivan", "judy"), fixture.pair("kim", "leo"));
    ringing.0.call("judy").await;
    ringing.1.expect_event("incomingcall").await;
    wait_until_persisted().await;
    fixture.cluster.connectors[former].kill();
    let killed = Since::now(EVENT);
    fixture.janus.admin().await.hangup_webrtc(session, handle).await;
    let fixture = &fixture;
    let continues = async {
        fixture.expect_takeover_from(former).await;
        killed.within(LEASE, "another connector has the lease");
        let (alice, bob) = (&mut talking.0, &mut talking.1);
        talk(alice, bob).await;
        killed.within(RECOVERY_TIMEOUT, "a call passes a new offer and its answer");
        talk(bob, alice).await;
        hang_up(alice, bob).await;
    };
    let renegotiates_meanwhile = async {
        let (carol, dave) = (&mut renegotiating.0, &mut renegotiating.1);
        carol.renegotiate(sdp::offer()).await;
        killed.within(RECOVERY_TIMEOUT, "a request during the outage is answered");
        dave.expect_event("update").await;
        dave.renegotiate(sdp::answer()).await;
        carol.expect_event("update").await;
    };
    let ends_meanwhile = async {
        let (erin, frank) = (&mut ending.0, &mut ending.1);
        erin.hangup_with_reason("enough").await;
        frank.expect_result(json!({"event": "hangup", "username": "erin", "reason": "enough"})).await;
        expect_call_end(frank).await;
        killed.within(RECOVERY_TIMEOUT, "a hangup during the outage reaches the other side");
        expect_call_end(erin).await;
    };
    let ends_unnoticed = async {
        tokio::join!(expect_call_end(&mut disconnected.0), expect_call_end(&mut disconnected.1));
        killed.within(RECOVERY_TIMEOUT, "a call whose end no connector received is ended");
    };
    let keeps_ringing = async {
        let (ivan, judy) = (&mut ringing.0, &mut ringing.1);
        judy.accept().await;
        ivan.expect_event("accepted").await;
        killed.within(RECOVERY_TIMEOUT, "a ringing call is accepted");
        talk(ivan, judy).await;
    };
    let calls_meanwhile = async {
        let (kim, leo) = (&mut calling.0, &mut calling.1);
        kim.call("leo").await;
        leo.expect_event("incomingcall").await;
        killed.within(RECOVERY_TIMEOUT, "a call during the outage rings");
        leo.accept().await;
        kim.expect_event("accepted").await;
    };
    tokio::join!(
        continues,
        renegotiates_meanwhile,
        ends_meanwhile,
        ends_unnoticed,
        keeps_ringing,
        calls_meanwhile
    );
    for (one, other) in [talking, renegotiating, ending, disconnected, ringing, calling] {
        leave(one, other).await;
    }
    fixture.expect_clean().await;
}
