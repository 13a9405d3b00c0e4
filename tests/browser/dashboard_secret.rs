//! The dashboard of a cluster that shows itself only to those who know a secret.

use super::page::Page;
use super::stage::Stage;

#[tokio::test]
async fn the_secret_is_asked_for_kept_in_the_tab_and_forgotten_when_told_to() {
    let stage = Stage::on_memory_with(&["--rest-secret=hunter2"]).await;
    let url = format!("{}/dashboard", stage.demo());
    let page = Page::visit(&stage.driver, "operator", &url, &[]).await;
    page.says_loud("unknown", "A secret is needed").await;
    for wrong in ["hunter3", "ключ"] {
        page.write("secret", wrong).await;
        page.press("show").await;
        page.shows("secret-problem", "That is not the secret").await;
        page.until("has an empty field again", async || {
            page.ask::<String>("return document.getElementById('secret').value").await.is_empty()
        })
        .await;
    }
    page.write("secret", "hunter2").await;
    page.press("show").await;
    page.says_loud("good", "All is well").await;
    let places = "return [location.href, document.cookie, JSON.stringify({ ...localStorage })]";
    let (address, cookie, local): (String, String, String) = page.ask(places).await;
    assert_eq!((address, cookie.as_str(), local.as_str()), (url, "", "{}"));
    page.ask::<()>("location.reload()").await;
    page.says_loud("good", "All is well").await;
    page.press("forget").await;
    page.says_loud("unknown", "A secret is needed").await;
    page.until("shows no numbers", async || {
        page.ask::<bool>("return document.getElementById('numbers').hidden").await
    })
    .await;
    assert_eq!(page.ask::<u64>("return sessionStorage.length").await, 0);
}
