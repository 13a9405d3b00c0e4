//! The findings that the dashboard shows after a failure or a shutdown, and how soon.

use super::dashboard_page::DashboardFixture;
use serde_json::Value;
use testkit::http;

#[tokio::test]
async fn dead_janus_is_a_finding_until_it_is_back() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    fixture.janus.crash().await;
    page.expect_status("critical", "No Janus server takes calls").await;
    page.expect_in("#findings", "Janus a").await;
    page.expect_in("[data-node=janus][data-level=critical] .big", "0 of 1").await;
    page.expect_in("#backends tr[data-level=critical] th", "a").await;
    fixture.janus.restart().await;
    page.expect_status("ok", "All is well").await;
}

#[tokio::test]
async fn drained_backend_is_a_warning() {
    let fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    let spare = r#"{"name":"spare","url":"ws://127.0.0.1:9"}"#;
    let api = format!("{}/api/v1/backends", fixture.cluster.rest_url(0));
    assert_eq!(http::post(&format!("{api}/a/drain"), "").await.status, 200);
    page.expect_in("#backends tr[data-level=warning]", "drained: it may be stopped").await;
    assert_eq!(http::post(&format!("{api}/a/undrain"), "").await.status, 200);
    page.expect_status("ok", "All is well").await;
    assert_eq!(http::post(&api, spare).await.status, 201);
    page.expect_status("critical", "Janus spare").await;
}

#[tokio::test]
async fn killed_service_is_silent_then_dead_until_replaced() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    let before = ids(&fixture, "router").await;
    fixture.cluster.routers[0].kill();
    page.expect_status("critical", "is silent").await;
    page.expect_in("[data-node=router][data-level=critical] .big", "2").await;
    page.expect_status("critical", "has died").await;
    let [left] = ids(&fixture, "router").await.try_into().unwrap();
    let dead = before.into_iter().find(|id| *id != left).unwrap();
    page.expect_status("critical", &dead).await;
    fixture.cluster.routers[0].restart().await;
    page.expect_status("ok", "All is well").await;
}

#[tokio::test]
async fn last_service_of_a_role_is_missed_after_shutdown() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    fixture.cluster.connectors[0].terminate();
    page.expect_status("critical", "No connector is running").await;
    page.expect_in("#services tr[data-level=info]", "stopped").await;
    fixture.cluster.connectors[0].restart().await;
    page.expect_status("ok", "All is well").await;
}

#[tokio::test]
async fn stream_without_reader_is_stuck() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    for router in &mut fixture.cluster.routers {
        router.stop();
    }
    page.expect_in("[data-arrow=requests][data-level=critical] .wait", "waiting").await;
    page.expect_in("#findings", "Stream requests:").await;
    for router in &mut fixture.cluster.routers {
        router.resume();
    }
    page.expect_status("ok", "All is well").await;
}

#[tokio::test]
async fn lost_feed_is_shown_with_the_age_of_its_data() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    fixture.cluster.rests[0].kill();
    page.expect_status("unknown", "The live numbers have stopped").await;
    page.expect_in("#detail", " old. The rest service cannot be reached. Trying again").await;
    page.expect_in("#age", "the numbers are").await;
    fixture.cluster.rests[0].restart().await;
    page.expect_status("ok", "All is well").await;
    page.expect_in("#age", "live").await;
}

#[tokio::test]
async fn unreachable_redis_is_shown() {
    let mut fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    fixture.redis.kill();
    page.expect_status("critical", "Redis does not answer").await;
    fixture.redis.restart().await;
    page.expect_status("ok", "All is well").await;
}

async fn ids(fixture: &DashboardFixture, kind: &str) -> Vec<String> {
    let services = http::get(&format!("{}/api/v1/services", fixture.cluster.rest_url(0))).await.body;
    let services: Value = serde_json::from_str(&services).unwrap();
    let all = services["services"].as_array().unwrap().iter();
    all.filter(|it| it["kind"] == kind).map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}
