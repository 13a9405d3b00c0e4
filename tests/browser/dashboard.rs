//! The dashboard of a cluster that is well: its numbers are those of the cluster, whoever chose the names, and
//! it can be read on a phone, in the dark, by ear.

use super::page::Page;
use super::stage::Stage;
use super::wall::DashboardPage;
use serde_json::json;
use testkit::http;

#[tokio::test]
async fn it_shows_the_live_numbers_of_a_cluster() {
    let wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    page.has("[data-station=edge] .big", "2").await;
    page.has("[data-station=janus] .big", "1 of 1").await;
    let (mut alice, _bob) = wall.call().await;
    page.has("#calls-now", "1").await;
    page.has("#clients", "2").await;
    for way in ["requests", "backend", "edge"] {
        page.has(&format!("[data-way={way}] .rate"), "/s").await;
    }
    for process in ["edge-", "router-", "connector-", "rest-"] {
        page.has("#services", process).await;
    }
    page.has("#roads", "requests:0").await;
    page.has("#roads", "backend:a").await;
    page.has("#backends tr[data-level=good] th", "a").await;
    alice.hangup().await;
    page.has("#calls-now", "0").await;
    page.has("#reasons", "hangup").await;
    page.says_loud("good", "All is well").await;
    page.has_no_errors().await;
}

#[tokio::test]
async fn it_works_in_one_process_too() {
    let stage = Stage::on_memory().await;
    let url = format!("{}/dashboard/", stage.demo());
    let page = Page::visit(&stage.driver, "operator", &url, &[]).await;
    page.says_loud("good", "All is well").await;
    page.has("#services", "connector-").await;
    page.has("[data-way=requests] .rate", "/s").await;
    page.has_no_errors().await;
}

#[tokio::test]
async fn a_name_that_is_markup_stays_text() {
    let wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    let pictures: u64 = page.ask("return document.images.length").await;
    let (_alice, _bob) = wall.call().await;
    let api = format!("{}/api/v1/calls", wall.cluster.rest_url(0));
    let calls: serde_json::Value = serde_json::from_str(&http::get(&api).await.body).unwrap();
    let reason = r#"<img src=x onerror="document.body.dataset.level='owned'"><b>"#;
    let end = format!("{api}/{}/end", calls["calls"][0]["id"].as_str().unwrap());
    assert_eq!(http::post(&end, &json!({ "reason": reason }).to_string()).await.status, 204);
    page.has("#reasons", reason).await;
    page.says_loud("good", "All is well").await;
    assert_eq!(page.ask::<u64>("return document.images.length").await, pictures);
    page.has_no_errors().await;
}

#[tokio::test]
async fn it_fits_on_a_phone_and_looks_after_eyes() {
    let wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    let small = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    page.tell("Emulation.setDeviceMetricsOverride", small).await;
    let fits = "return [innerWidth, document.documentElement.scrollWidth]";
    page.until("fits on a phone", async || page.ask::<[u64; 2]>(fits).await == [360, 360]).await;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let moves = "return getComputedStyle(document.querySelector('[data-way=requests] .line'), '::before').animationName";
    for (scheme, motion, colour, name) in [
        ("light", "no-preference", "rgb(241, 244, 246)", "go"),
        ("dark", "reduce", "rgb(12, 18, 22)", "none"),
    ] {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": motion },
        ]);
        page.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        page.until(scheme, async || page.ask::<String>(ground).await == colour).await;
        assert_eq!(page.ask::<String>(moves).await, name, "{motion}");
    }
}

#[tokio::test]
async fn it_can_be_listened_to() {
    let wall = DashboardPage::start().await;
    let page = wall.page().await;
    page.says_loud("good", "All is well").await;
    let tree = "const live = document.querySelector('[role=status]'); \
        const named = [...document.querySelectorAll('section, table, form')]; \
        const name = (it) => it.ariaLabel ?? document.getElementById(it.getAttribute('aria-labelledby'))?.textContent; \
        return [live.textContent, named.filter((it) => !name(it)).length, \
            document.querySelectorAll('tbody > tr > th[role=rowheader]').length > 0]";
    let (line, unnamed, rows): (String, u64, bool) = page.ask(tree).await;
    assert_eq!((line.as_str(), unnamed, rows), ("All is well", 0, true));
}
