//! A page as its user sees it: fields, buttons and messages.
//!
//! The demo page and the page with janus.js have the same element ids. Both show their state in `data-state` of
//! the body, and expose their PeerConnection as `window.demo.pc`.

use super::driver::Driver;
use std::sync::Arc;
use std::time::Duration;
use thirtyfour::By;
use thirtyfour::cdp::Cdp;
use thirtyfour::error::WebDriverResult;
use thirtyfour::session::handle::SessionHandle;
use tokio::time::{Instant, sleep};

/// Time limit for any expectation.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A browser of one user with the page in it.
pub struct Page {
    user: String,
    browser: Arc<SessionHandle>,
}

impl Page {
    /// Opens the page at `url` in a browser of its own and waits until it shows the field for a name.
    pub async fn open(driver: &Driver, user: &str, url: &str) -> Self {
        Self::open_with(driver, user, url, &[]).await
    }

    /// As [`Page::open`], in a browser with these flags besides the usual ones.
    pub async fn open_with(driver: &Driver, user: &str, url: &str, flags: &[&str]) -> Self {
        let page = Self::open_any(driver, user, url, flags).await;
        page.expect_state("unregistered").await;
        page
    }

    /// Opens a page without waiting for a name field.
    pub async fn open_any(driver: &Driver, user: &str, url: &str, flags: &[&str]) -> Self {
        let browser = driver.browser(user, flags).await;
        let page = Self { user: user.to_owned(), browser };
        page.or_fail("open the page", page.browser.goto(url).await).await;
        page
    }

    // What the user does.

    pub async fn register(&self, name: &str) {
        self.write("name", name).await;
        self.click("register").await;
        self.expect_state("idle").await;
    }

    /// Unregisters and registers another name.
    pub async fn rename(&self, name: &str) {
        self.click("rename").await;
        self.expect_state("unregistered").await;
        self.register(name).await;
    }

    /// Checks whether a user is online and waits for the page's answer.
    pub async fn check(&self, name: &str, answer: &str) {
        self.write("peer", name).await;
        self.click("check").await;
        self.expect_text("presence", answer).await;
    }

    pub async fn call(&self, name: &str) {
        self.write("peer", name).await;
        self.click("call").await;
    }

    pub async fn accept(&self) {
        self.click("accept").await;
    }

    pub async fn decline(&self) {
        self.click("decline").await;
    }

    pub async fn cancel(&self) {
        self.click("cancel").await;
    }

    pub async fn hang_up(&self) {
        self.click("hangup").await;
    }

    /// Presses a button that only some of the pages have.
    pub async fn press(&self, id: &str) {
        self.click(id).await;
    }

    /// Closes the page, which can still close its session.
    pub async fn close(self) {
        self.or_fail("close", self.browser.close_window().await).await;
    }

    /// Kills the page's process.
    pub async fn crash(self) {
        // Chromium's address for a crash. The command fails, since the page that should answer is gone.
        let answer = self.browser.goto("chrome://crash").await;
        assert!(answer.is_err(), "the page of {} survived a crash", self.user);
    }

    // What the user sees.

    /// Waits for the page to be in that state.
    pub async fn expect_state(&self, state: &str) {
        let script = "return document.body.dataset.state";
        self.until(&format!("is {state}"), async || self.evaluate::<String>(script).await == state).await;
    }

    /// Waits for a message of the page that contains these words.
    pub async fn expect_message(&self, words: &str) {
        self.expect_text("status", words).await;
    }

    /// Waits for these words in a visible element.
    pub async fn expect_text(&self, id: &str, words: &str) {
        let script = format!("return document.getElementById('{id}').innerText");
        self.until(&format!("shows '{words}'"), async || {
            self.evaluate::<String>(&script).await.contains(words)
        })
        .await;
    }

    /// Panics if the page's console has an error in it.
    pub async fn expect_no_errors(&self) {
        let log = self.console().await;
        assert!(!log.contains("SEVERE"), "the console of {}: {log}", self.user);
    }

    // Helpers.

    async fn click(&self, id: &str) {
        let clicked = async { self.browser.find(By::Id(id)).await?.click().await };
        self.or_fail(&format!("click '{id}'"), clicked.await).await;
    }

    pub async fn write(&self, id: &str, text: &str) {
        let written = async {
            let field = self.browser.find(By::Id(id)).await?;
            field.clear().await?;
            field.send_keys(text).await
        };
        self.or_fail(&format!("write '{text}' into '{id}'"), written.await).await;
    }

    /// Sends a command of Chromium's own protocol, for instance for a small screen.
    pub async fn send_command(&self, method: &str, params: serde_json::Value) {
        let outcome = Cdp::new(self.browser.clone()).send_raw(method, params).await;
        self.or_fail(method, outcome).await;
    }

    /// Returns the result of this script in the page.
    pub async fn evaluate<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let answer = async { self.browser.execute(script, Vec::new()).await?.convert() };
        self.or_fail("run a script", answer.await).await
    }

    /// Waits until the condition holds in the page.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        while !condition().await {
            if Instant::now() >= deadline {
                self.fail(&format!("not within {PAGE_TIMEOUT:?}: the page {what}")).await;
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn or_fail<T>(&self, what: &str, outcome: WebDriverResult<T>) -> T {
        match outcome {
            Ok(value) => value,
            Err(error) => self.fail(&format!("cannot {what}: {error}")).await,
        }
    }

    async fn fail(&self, what: &str) -> ! {
        let shown = "return `${document.body.dataset.state}: ${document.body.innerText}`";
        let shown = async { self.browser.execute(shown, Vec::new()).await?.convert::<String>() };
        let (shown, console) = (shown.await, self.console().await);
        panic!("{}: {what}. The page shows {shown:?}; its console:\n{console}", self.user)
    }

    async fn console(&self) -> String {
        match self.browser.browser_log().await {
            Ok(entries) => entries.iter().map(|it| format!("{} {}\n", it.level, it.message)).collect(),
            Err(error) => format!("(unknown: {error})"),
        }
    }
}
