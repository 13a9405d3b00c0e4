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

/// As long as a canary may be on its way, and until that is noticed.
const NOTICED: Duration = Duration::from_secs(8);
const BLOCKED: &str = "canary proxies";

/// A bus on which one step is not done while it is stuck; what waits then goes on.
#[derive(Default)]
struct Jam {
    step: &'static str,
    is_stuck: AtomicBool,
    freed: Notify,
}

impl Jam {
    fn at(step: &'static str) -> Arc<Self> {
        Arc::new(Self { step, ..Self::default() })
    }

    fn set(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    fn stops(&self, step: &str) -> bool {
        self.step == step && self.is_stuck.load(Ordering::Relaxed)
    }
}

/// The sky of one jam.
struct Cloud(Arc<Jam>);

impl FaultPlan for Cloud {
    fn before(&self, step: &'static str) -> BoxFuture<Result<(), String>> {
        let is_stuck = self.0.stops(step);
        Box::pin(async move { if is_stuck { Err("stuck".to_owned()) } else { Ok(()) } })
    }

    fn after(&self, _: &'static str) -> BoxFuture<Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn before_read(&self) -> BoxFuture<()> {
        let jam = self.0.clone();
        Box::pin(async move {
            while jam.stops("reading") {
                jam.freed.notified().await;
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
        let (bus, jam) = (MemoryBus::default(), Jam::at(step));
        let rest =
            start_on(Bus::Memory(bus.with_faults(FaultInjector::new(Arc::new(Cloud(jam.clone())))))).await;
        for is_stuck in [true, false, true, false] {
            jam.set(is_stuck);
            sleep(NOTICED).await;
            let blocked = if is_stuck { &[BLOCKED][..] } else { &[] };
            assert_eq!(unmet_conditions(&rest), blocked, "{step}");
        }
        rest.context.shutdown.cancel();
        rest.ended.await.unwrap().unwrap();
        let dead = Bus::Memory(bus).tail(Log::Dead, 1).await.unwrap();
        assert_eq!(dead, [] as [Vec<(String, String)>; 0], "{step}: canaries are nothing to look into");
    }
}

#[tokio::test(start_paused = true)]
async fn canary_is_returned_by_any_consumer_of_the_queue() {
    let (bus, jam) = (MemoryBus::default(), Jam::at("reading"));
    jam.set(true);
    let hangs = start_on(Bus::Memory(bus.with_faults(FaultInjector::new(Arc::new(Cloud(jam)))))).await;
    let works = start_on(Bus::Memory(bus)).await;
    sleep(NOTICED).await;
    assert_eq!((unmet_conditions(&hangs), unmet_conditions(&works)), (vec![BLOCKED.to_owned()], vec![]));
}

/// More invites than are put at once, to a proxy that never answers.
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
            let Body::ProxyReply(answer) = mailbox.next().await.body else { panic!("no answer") };
            *reply_counts.lock().unwrap().get_mut(&answer.call).unwrap() += 1;
            *codes.entry(answer.refusal.unwrap().code).or_default() += 1;
        }
    };
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        loop {
            assert_eq!(health.reasons(), [], "it takes part all the time");
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = receive => {}
        () = watch => {}
    }
    assert!(reply_counts.lock().unwrap().values().all(|answers| *answers == 1), "one answer each");
    // In the ten seconds until they come for the last time those of the first places are answered once.
    assert_eq!(codes, BTreeMap::from([(502, 128), (503, 22)]));
    assert!(timeout(NOTICED, mailbox.next()).await.is_err(), "no further answer");
    assert_eq!(bus.tail(Log::Dead, 1).await.unwrap(), [] as [Vec<(String, String)>; 0]);
}
