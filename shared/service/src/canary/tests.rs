use super::*;
use tokio::time::advance;

const STREAM: &str = "requests:0";

fn canary() -> (Canary, Health) {
    let health = Health::default();
    (Canary::with_health(ServiceId::fresh("edge"), health.clone(), STREAM), health)
}

fn unmet(health: &Health) -> Option<String> {
    health.reasons().into_iter().map(|(name, why)| format!("{name}: {why}")).next()
}

async fn pass(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn condition_is_met_once_the_first_is_back() {
    let (canary, health) = canary();
    assert_eq!(unmet(&health).unwrap(), "canary requests:0: nothing received yet");
    canary.sent(1);
    pass(2).await;
    canary.check();
    assert_eq!(unmet(&health).unwrap(), "canary requests:0: nothing received yet");
    canary.returned(1);
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn missing_canaries_are_reported_until_the_next_is_back() {
    let (canary, health) = canary();
    canary.sent(1);
    canary.returned(1);
    for number in 2..=6 {
        canary.sent(number);
        pass(2).await;
        canary.check();
        assert_eq!(unmet(&health).is_some(), number > 3, "{number}");
    }
    assert_eq!(unmet(&health).unwrap(), "canary requests:0: nothing received for 10 seconds");
    canary.returned(6);
    canary.check();
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn one_lost_between_others_is_not_reported() {
    let (canary, health) = canary();
    canary.sent(1);
    canary.sent(2);
    pass(1).await;
    canary.sent(3);
    canary.returned(3);
    pass(CANARY_TIMEOUT.as_secs()).await;
    canary.check();
    assert_eq!(unmet(&health), None);
    canary.returned(2);
    canary.returned(7);
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_sending_is_not_reported() {
    let (canary, health) = canary();
    for number in 1..4 {
        canary.check();
        canary.sent(number);
        canary.returned(number);
        pass(60).await;
    }
    canary.check();
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn an_expired_canary_does_not_count_when_it_is_back() {
    let (canary, health) = canary();
    canary.sent(1);
    pass(7).await;
    canary.check();
    canary.returned(1);
    assert_eq!(unmet(&health).unwrap(), "canary requests:0: nothing received for 7 seconds");
}

#[tokio::test(start_paused = true)]
async fn sending_continues_although_one_send_hangs() {
    let (canary, health) = canary();
    let receiver = canary.clone();
    let send = |number| {
        let receiver = receiver.clone();
        async move {
            match number {
                2..5 => std::future::pending().await,
                _ => receiver.returned(number),
            }
        }
    };
    let running = canary.run_with(Duration::from_secs(2), send);
    tokio::pin!(running);
    let mut after = async |seconds| {
        let _ = timeout(Duration::from_secs(seconds), &mut running).await;
        unmet(&health)
    };
    assert_eq!(after(1).await, None);
    assert!(after(8).await.is_some());
    assert_eq!(after(20).await, None);
}

#[tokio::test(start_paused = true)]
async fn canaries_of_others_are_ignored() {
    let (canary, health) = canary();
    canary.sent(1);
    let own = canary.message(1);
    canary.received(&message::Canary { from: ServiceId::fresh("edge"), ..own.clone() });
    canary.received(&message::Canary { stream: "requests:1".to_owned(), ..own.clone() });
    assert!(unmet(&health).is_some());
    canary.received(&own);
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn condition_is_removed_with_the_last_clone() {
    let (canary, health) = canary();
    let other = canary.clone();
    drop(canary);
    assert!(unmet(&health).is_some());
    drop(other);
    assert_eq!(unmet(&health), None);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_without_reader_is_reported() {
    let (canary, health) = canary();
    let bus = Bus::memory();
    let backend = Mailbox::Backend(common::BackendName::from("a"));
    let mut reader = bus.open(backend.clone()).await.unwrap();
    let interval = Duration::from_secs(2);
    let task = canary.into_task(bus, CanaryTarget::Mailbox(backend), interval);
    for _ in 0..10 {
        let Body::Canary(message) = reader.next().await.body else { panic!("not a canary") };
        task.received(&message);
        assert_eq!(unmet(&health), None);
    }
    tokio::time::sleep(CANARY_TIMEOUT + 2 * interval).await;
    let names = || health.reasons().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(), ["canary requests:0"]);
    drop(task);
    tokio::task::yield_now().await;
    assert_eq!(unmet(&health), None);
}
