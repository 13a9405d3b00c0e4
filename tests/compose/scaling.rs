//! Every service is scaled up and down during calls.

use super::calls::{Call, Pair, end, pairs};
use super::cluster::{Cluster, ONE, Scale};

const MANY: Scale = Scale { edge: 3, router: 2, connector: 2, janus: 3, rest: 2 };

/// More calls than Janus servers, so that each server has some.
const CALLS: usize = 9;

#[tokio::test]
async fn calls_survive_scaling_up_and_down() {
    let cluster = Cluster::one_of_each().await;
    let call = Call::between_browsers(&cluster).await;
    cluster.scale(MANY).await;
    call.expect_media().await;
    let others = pairs(&cluster, CALLS).await;
    cluster
        .backends_are("each Janus has calls", |all| {
            all.len() == MANY.janus && all.iter().all(|(_, calls)| *calls > 0)
        })
        .await;
    call.expect_media().await;
    end(others).await;
    cluster.scale(Scale { janus: MANY.janus, ..ONE }).await;
    call.expect_media().await;
    end(pairs(&cluster, CALLS).await).await;

    let more = pairs(&cluster, CALLS).await;
    let scaling = cluster.start_to_scale(ONE);
    cluster.backends_are("one Janus takes calls", |all| all.len() == 1).await;
    let (name, before) = cluster.open_backends().await.remove(0);
    let late = Pair::in_call(&cluster, CALLS).await;
    cluster.backends_are("the next call is there", |all| all == [(name.clone(), before + 1)]).await;
    assert!(!scaling.is_finished(), "a Janus went away before its calls had ended");
    late.end().await;
    end(more).await;
    scaling.await.unwrap();
    cluster.has(ONE).await;
    call.expect_media().await;
    call.end().await;
    call.call_again().await;
}
