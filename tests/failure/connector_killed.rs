//! A connector is killed: another takes its lease, claims the Janus sessions and goes on with its calls.

use super::house::{FailureCluster, leave, part, settled, talk, told};
use super::measure::Since;
use serde_json::json;
use std::time::Duration;
use testkit::sdp;

const EVENT: &str = "connector is killed";
const LEASE: Duration = Duration::from_secs(5);
/// The lease, and then what is asked of Janus.
const SETTLED: Duration = Duration::from_secs(8);

#[tokio::test]
async fn another_goes_on_with_all_it_had() {
    let mut house = FailureCluster::start().await;
    let former = house.server();
    let (mut talking, mut asking, mut ending) =
        tokio::join!(house.call("alice", "bob"), house.call("carol", "dave"), house.call("erin", "frank"),);
    let others = house.legs().await;
    let mut broken = house.call("grace", "heidi").await;
    let (session, handle) = *house.legs().await.difference(&others).next().unwrap();
    let (mut ringing, mut calling) = tokio::join!(house.pair("ivan", "judy"), house.pair("kim", "leo"));
    ringing.0.call("judy").await;
    ringing.1.expect_event("incomingcall").await;
    settled().await;
    house.cluster.connectors[former].kill();
    let killed = Since::now(EVENT);
    house.janus.admin().await.hangup_webrtc(session, handle).await;
    let house = &house;
    let goes_on = async {
        house.taken_from(former).await;
        killed.within(LEASE, "another has the lease");
        let (alice, bob) = (&mut talking.0, &mut talking.1);
        talk(alice, bob).await;
        killed.within(SETTLED, "a call passes a new offer and its answer");
        talk(bob, alice).await;
        part(alice, bob).await;
    };
    let asks_meanwhile = async {
        let (carol, dave) = (&mut asking.0, &mut asking.1);
        carol.renegotiate(sdp::offer()).await;
        killed.within(SETTLED, "a request of the gap is answered");
        dave.expect_event("update").await;
        dave.renegotiate(sdp::answer()).await;
        carol.expect_event("update").await;
    };
    let ends_meanwhile = async {
        let (erin, frank) = (&mut ending.0, &mut ending.1);
        erin.hangup_with_reason("enough").await;
        frank.expect_result(json!({"event": "hangup", "username": "erin", "reason": "enough"})).await;
        told(frank).await;
        killed.within(SETTLED, "a hangup of the gap is told to the other side");
        told(erin).await;
    };
    let ends_unheard = async {
        tokio::join!(told(&mut broken.0), told(&mut broken.1));
        killed.within(SETTLED, "a call that ended while nobody listened to Janus is settled");
    };
    let rings_on = async {
        let (ivan, judy) = (&mut ringing.0, &mut ringing.1);
        judy.accept().await;
        ivan.expect_event("accepted").await;
        killed.within(SETTLED, "a call that rang is accepted");
        talk(ivan, judy).await;
    };
    let calls_meanwhile = async {
        let (kim, leo) = (&mut calling.0, &mut calling.1);
        kim.call("leo").await;
        leo.expect_event("incomingcall").await;
        killed.within(SETTLED, "a call of the gap rings");
        leo.accept().await;
        kim.expect_event("accepted").await;
    };
    tokio::join!(goes_on, asks_meanwhile, ends_meanwhile, ends_unheard, rings_on, calls_meanwhile);
    for (one, other) in [talking, asking, ending, broken, ringing, calling] {
        leave(one, other).await;
    }
    house.is_clean().await;
}
