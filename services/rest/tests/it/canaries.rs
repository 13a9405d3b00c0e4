//! Canaries of the queue `proxies` and the mailbox.

use crate::harness::{Rest, start_on};
use crate::proxy_stub::{Proxy, proxy_invite};
use bus::message::{Body, Message};
use bus::topic::{Log, Mailbox, Queue};
use bus::{Bus, memory::MemoryBus};
use common::BackendName;
use common::fault::{BoxFuture, FaultInjector, FaultPlan};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Longer than a canary may take, and until a missing one is detected.
const DETECTION_TIME: Duration = Duration::from_secs(8);
const BLOCKED: &str = "canary proxies";

/// A fault that blocks one step of the bus while it is set.
#[derive(Default)]
struct StuckStep {
    step: &'static str,
    is_stuck: AtomicBool,
    released: Notify,
}

impl StuckStep {
    fn new(step: &'static str) -> Arc<Self> {
        Arc::new(Self { step, ..Self::default() })
    }

    fn set(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
        self.released.notify_waiters();
    }

    fn blocks(&self, step: &str) -> bool {
        self.step == step && self.is_stuck.load(Ordering::Relaxed)
    }
}

struct StuckPlan(Arc<StuckStep>);

impl FaultPlan for StuckPlan {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        let is_stuck = self.0.blocks(step);
        Box::pin(async move { if is_stuck { Err("stuck".to_owned()) } else { Ok(()) } })
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn before_read(&self) -> BoxFuture<()> {
        let fault = self.0.clone();
        Box::pin(async move {
            while fault.blocks("reading") {
                fault.released.notified().await;
            }
        })
    }

    fn drops(&self, _: &'static str) -> bool {
        false
    }
}

fn unmet_conditions(rest: &Rest) -> Vec<String> {
    rest.context.health.reasons().into_iter().map(|(what, _)| what).collect()
}

#[tokio::test(start_paused = true)]
async fn service_is_ready_while_its_canaries_return() {
    for step in ["enqueue", "post", "reading"] {
        let (bus, fault) = (MemoryBus::default(), StuckStep::new(step));
        let rest =
            start_on(Bus::Memory(bus.with_faults(FaultInjector::new(Arc::new(StuckPlan(fault.clone()))))))
                .await;
        for is_stuck in [true, false, true, false] {
            fault.set(is_stuck);
            sleep(DETECTION_TIME).await;
            let blocked = if is_stuck { &[BLOCKED][..] } else { &[] };
            assert_eq!(unmet_conditions(&rest), blocked, "{step}");
        }
        rest.context.shutdown.cancel();
        rest.ended.await.unwrap().unwrap();
        let dead = Bus::Memory(bus).tail(Log::Dead, 1).await.unwrap();
        assert_eq!(dead, [] as [Vec<(String, String)>; 0], "{step}: canaries are not dead-lettered");
    }
}

#[tokio::test(start_paused = true)]
async fn canary_is_returned_by_any_consumer_of_the_queue() {
    let (bus, fault) = (MemoryBus::default(), StuckStep::new("reading"));
    fault.set(true);
    let stuck = start_on(Bus::Memory(bus.with_faults(FaultInjector::new(Arc::new(StuckPlan(fault)))))).await;
    let healthy = start_on(Bus::Memory(bus)).await;
    sleep(DETECTION_TIME).await;
    assert_eq!((unmet_conditions(&stuck), unmet_conditions(&healthy)), (vec![BLOCKED.to_owned()], vec![]));
}

/// More invites than may be in flight, to a proxy that never responds.
#[tokio::test(start_paused = true)]
async fn slow_proxies_do_not_delay_canaries_or_lose_invites() {
    let (bus, proxy) = (Bus::memory(), Proxy::start().await);
    let rest = start_on(bus.clone()).await;
    let mut mailbox = bus.open(Mailbox::Backend(BackendName::from("a"))).await.unwrap();
    let mut reply_counts = BTreeMap::new();
    for _ in 0..150 {
        let invite = proxy_invite(&proxy.url);
        reply_counts.insert(invite.call, 0);
        bus.enqueue(Queue::Proxies, &Message::new(Body::ProxyInvite(invite))).await.unwrap();
    }
    let reply_counts = Mutex::new(reply_counts);
    let (health, mut codes) = (&rest.context.health, BTreeMap::<u16, u32>::new());
    let receive = async {
        for _ in 0..150 {
            let Body::ProxyReply(response) = mailbox.next().await.body else { panic!("not a reply") };
            *reply_counts.lock().unwrap().get_mut(&response.call).unwrap() += 1;
            *codes.entry(response.refusal.unwrap().code).or_default() += 1;
        }
    };
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        loop {
            assert_eq!(health.reasons(), [], "the service stays ready");
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = receive => {}
        () = watch => {}
    }
    assert!(reply_counts.lock().unwrap().values().all(|replies| *replies == 1), "one reply each");
    // The first 64 invites time out before the last delivery of the others, so that 64 more are sent.
    assert_eq!(codes, BTreeMap::from([(502, 128), (503, 22)]));
    assert!(timeout(DETECTION_TIME, mailbox.next()).await.is_err(), "no further reply");
    assert_eq!(bus.tail(Log::Dead, 1).await.unwrap(), [] as [Vec<(String, String)>; 0]);
}
