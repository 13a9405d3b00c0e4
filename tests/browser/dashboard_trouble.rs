//! What the dashboard says, and how soon, when something of the cluster breaks or is stopped.

use super::wall::DashboardPage;
use serde_json::Value;
use testkit::http;

#[tokio::test]
async fn a_janus_that_dies_is_said_and_forgotten_when_it_is_back() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    wall.janus.crash().await;
    page.says_loud("bad", "No Janus server takes calls").await;
    page.has("#findings", "Janus a").await;
    page.has("[data-station=janus][data-level=bad] .big", "0 of 1").await;
    page.has("#backends tr[data-level=bad] th", "a").await;
    wall.janus.restart().await;
    page.says_loud("good", "All is well").await;
}

#[tokio::test]
async fn a_drained_backend_wants_attention_and_no_more() {
    let wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    let spare = r#"{"name":"spare","url":"ws://127.0.0.1:9"}"#;
    let api = format!("{}/api/v1/backends", wall.cluster.rest_url(0));
    assert_eq!(http::post(&format!("{api}/a/drain"), "").await.status, 200);
    page.has("#backends tr[data-level=warn]", "drained: it may be stopped").await;
    assert_eq!(http::post(&format!("{api}/a/undrain"), "").await.status, 200);
    page.says_loud("good", "All is well").await;
    assert_eq!(http::post(&api, spare).await.status, 201);
    page.says_loud("bad", "Janus spare").await;
}

#[tokio::test]
async fn a_service_that_is_killed_is_silent_then_dead_and_forgotten_when_another_comes() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    let before = ids(&wall, "router").await;
    wall.cluster.routers[0].kill();
    page.says_loud("bad", "is silent").await;
    page.has("[data-station=router][data-level=bad] .big", "2").await;
    page.says_loud("bad", "has died").await;
    let [left] = ids(&wall, "router").await.try_into().unwrap();
    let dead = before.into_iter().find(|id| *id != left).unwrap();
    page.says_loud("bad", &dead).await;
    wall.cluster.routers[0].restart().await;
    page.says_loud("good", "All is well").await;
}

#[tokio::test]
async fn the_last_of_its_kind_is_missed_even_when_it_said_goodbye() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    wall.cluster.connectors[0].terminate();
    page.says_loud("bad", "No connector runs").await;
    page.has("#services tr[data-level=note]", "stopped").await;
    wall.cluster.connectors[0].restart().await;
    page.says_loud("good", "All is well").await;
}

#[tokio::test]
async fn a_road_that_nobody_reads_is_stuck() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    for router in &mut wall.cluster.routers {
        router.stop();
    }
    page.has("[data-way=requests][data-level=bad] .wait", "waiting").await;
    page.has("#findings", "Road requests:").await;
    for router in &mut wall.cluster.routers {
        router.resume();
    }
    page.says_loud("good", "All is well").await;
}

#[tokio::test]
async fn a_feed_that_is_lost_is_said_with_the_age_of_the_numbers_and_comes_back() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    wall.cluster.rests[0].kill();
    page.says_loud("unknown", "The live numbers have stopped").await;
    page.has("#detail", " old. The rest service cannot be reached. Trying again").await;
    page.has("#age", "the numbers are").await;
    wall.cluster.rests[0].restart().await;
    page.says_loud("good", "All is well").await;
    page.has("#age", "live").await;
}

#[tokio::test]
async fn redis_that_is_away_is_said() {
    let mut wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    wall.redis.kill();
    page.says_loud("bad", "Redis does not answer").await;
    wall.redis.restart().await;
    page.says_loud("good", "All is well").await;
}

async fn ids(wall: &DashboardPage, kind: &str) -> Vec<String> {
    let services = http::get(&format!("{}/api/v1/services", wall.cluster.rest_url(0))).await.body;
    let services: Value = serde_json::from_str(&services).unwrap();
    let all = services["services"].as_array().unwrap().iter();
    all.filter(|it| it["kind"] == kind).map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}
