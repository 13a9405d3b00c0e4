//! The dashboard of a healthy cluster. It shows the cluster's figures, and escapes text that users chose. It is
//! readable on a phone, in dark mode and with a screen reader.

use super::dashboard_page::DashboardFixture;
use super::fixture::Fixture;
use super::page::Page;
use common::ServiceId;
use directory::Directory;
use directory::listing::{Service, ServiceState};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::http;

#[tokio::test]
async fn shows_live_metrics_of_a_cluster() {
    let fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    page.expect_in("[data-node=edge] .big", "2").await;
    page.expect_in("[data-node=janus] .big", "1 of 1").await;
    let (mut alice, _bob) = fixture.call().await;
    page.expect_in("#calls-now", "1").await;
    page.expect_in("#clients", "2").await;
    for arrow in ["requests", "backend", "edge"] {
        page.expect_in(&format!("[data-arrow={arrow}] .rate"), "/s").await;
    }
    for process in ["edge-", "router-", "connector-", "rest-"] {
        page.expect_in("#services", process).await;
    }
    page.expect_in("#streams", "requests:0").await;
    page.expect_in("#streams", "backend:a").await;
    page.expect_in("#backends tr[data-level=ok] th", "a").await;
    alice.hangup().await;
    page.expect_in("#calls-now", "0").await;
    page.expect_in("#reasons", "hangup").await;
    page.expect_status("ok", "All is well").await;
    page.expect_no_errors().await;
}

#[tokio::test]
async fn works_in_one_process() {
    let fixture = Fixture::on_memory().await;
    let url = format!("{}/dashboard/", fixture.demo());
    let page = Page::open_any(&fixture.driver, "operator", &url, &[]).await;
    page.expect_status("ok", "All is well").await;
    page.expect_in("#services", "connector-").await;
    page.expect_in("[data-arrow=requests] .rate", "/s").await;
    page.expect_no_errors().await;
}

#[tokio::test]
async fn markup_and_hidden_characters_are_shown_as_text() {
    let fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    let images: u64 = page.evaluate("return document.images.length").await;
    let (_alice, _bob) = fixture.call().await;
    let api = format!("{}/api/v1/calls", fixture.cluster.rest_url(0));
    let calls: serde_json::Value = serde_json::from_str(&http::get(&api).await.body).unwrap();
    let markup = r#"<img src=x onerror="document.body.dataset.level='owned'"><b>"#;
    let end = format!("{api}/{}/end", calls["calls"][0]["id"].as_str().unwrap());
    assert_eq!(http::post(&end, &json!({ "reason": markup }).to_string()).await.status, 204);
    // Statistics count kinds of ends, and no texts.
    page.expect_in("#reasons", "operator").await;
    let service = Service {
        id: ServiceId::from("edge-x"),
        kind: "edge".to_owned(),
        version: markup.to_owned(),
        host: format!("{markup}\u{202e}\u{200b}"),
        since: 0,
        announced: 0,
        load: BTreeMap::from([(markup.to_owned(), 1)]),
        state: ServiceState::Ready,
        complaint: None,
        clock_skew_ms: None,
    };
    let directory = Directory::redis(&fixture.redis.url()).await.unwrap();
    directory.announce_service(&service, Duration::from_secs(60)).await.unwrap();
    page.expect_in("#services", &format!("{markup}\\u{{202e}}\\u{{200b}}")).await;
    page.expect_status("ok", "All is well").await;
    assert_eq!(page.evaluate::<u64>("return document.images.length").await, images);
    page.expect_no_errors().await;
}

#[tokio::test]
async fn fits_on_a_phone_and_supports_dark_mode() {
    let fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    let small = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    page.send_command("Emulation.setDeviceMetricsOverride", small).await;
    let widths = "return [innerWidth, document.documentElement.scrollWidth]";
    page.until("fits on a phone", async || page.evaluate::<[u64; 2]>(widths).await == [360, 360]).await;
    let background = "return getComputedStyle(document.body).backgroundColor";
    let animation = "return getComputedStyle(document.querySelector('[data-arrow=requests] .line'), '::before').animationName";
    for (scheme, motion, colour, name) in [
        ("light", "no-preference", "rgb(241, 244, 246)", "dots"),
        ("dark", "reduce", "rgb(12, 18, 22)", "none"),
    ] {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": motion },
        ]);
        page.send_command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        page.until(scheme, async || page.evaluate::<String>(background).await == colour).await;
        assert_eq!(page.evaluate::<String>(animation).await, name, "{motion}");
    }
}

#[tokio::test]
async fn is_accessible_to_screen_readers() {
    let fixture = DashboardFixture::start().await;
    let page = fixture.page().await;
    page.expect_status("ok", "All is well").await;
    let tree = "const live = document.querySelector('[role=status]'); \
        const named = [...document.querySelectorAll('section, table, form')]; \
        const name = (it) => it.ariaLabel ?? document.getElementById(it.getAttribute('aria-labelledby'))?.textContent; \
        return [live.textContent, named.filter((it) => !name(it)).length, \
            document.querySelectorAll('tbody > tr > th[role=rowheader]').length > 0]";
    let (line, unnamed, rows): (String, u64, bool) = page.evaluate(tree).await;
    assert_eq!((line.as_str(), unnamed, rows), ("All is well", 0, true));
}
