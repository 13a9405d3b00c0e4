//! The dashboard of a cluster that requires a secret.

use super::fixture::Fixture;
use super::page::Page;

#[tokio::test]
async fn secret_is_kept_in_the_tab_until_it_is_cleared() {
    let fixture = Fixture::on_memory_with(&["--rest-secret=hunter2"]).await;
    let url = format!("{}/dashboard", fixture.demo());
    let page = Page::open_any(&fixture.driver, "operator", &url, &[]).await;
    page.expect_status("unknown", "A secret is needed").await;
    for wrong in ["hunter3", "ключ"] {
        page.write("secret", wrong).await;
        page.press("show").await;
        page.expect_text("secret-problem", "That is not the secret").await;
        page.until("has an empty field again", async || {
            page.evaluate::<String>("return document.getElementById('secret').value").await.is_empty()
        })
        .await;
    }
    page.write("secret", "hunter2").await;
    page.press("show").await;
    page.expect_status("ok", "All is well").await;
    let places = "return [location.href, document.cookie, JSON.stringify({ ...localStorage })]";
    let (address, cookie, local): (String, String, String) = page.evaluate(places).await;
    assert_eq!((address, cookie.as_str(), local.as_str()), (url, "", "{}"));
    page.evaluate::<()>("location.reload()").await;
    page.expect_status("ok", "All is well").await;
    page.press("forget").await;
    page.expect_status("unknown", "A secret is needed").await;
    page.until("shows no numbers", async || {
        page.evaluate::<bool>("return document.getElementById('numbers').hidden").await
    })
    .await;
    assert_eq!(page.evaluate::<u64>("return sessionStorage.length").await, 0);
}
