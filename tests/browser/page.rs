//! A page as its user has it: fields, buttons, and what it says.
//!
//! The demo page and our page with janus.js have the same element ids, tell their state in the same place
//! (`data-state` of the body) and show their PeerConnection as `window.demo.pc`.

use super::driver::Driver;
use std::sync::Arc;
use std::time::Duration;
use thirtyfour::By;
use thirtyfour::cdp::Cdp;
use thirtyfour::error::WebDriverResult;
use thirtyfour::session::handle::SessionHandle;
use tokio::time::{Instant, sleep};

/// How long a user waits for anything. A page that is quick is not waited for.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// One person's browser with the page in it.
pub struct Page {
    person: String,
    browser: Arc<SessionHandle>,
}

impl Page {
    /// Opens the page at `url` in a browser of its own and waits until it asks for a name.
    pub async fn open(driver: &Driver, person: &str, url: &str) -> Self {
        Self::open_with(driver, person, url, &[]).await
    }

    /// As [`Page::open`], in a browser with these flags besides the usual.
    pub async fn open_with(driver: &Driver, person: &str, url: &str, flags: &[&str]) -> Self {
        let page = Self::visit(driver, person, url, flags).await;
        page.is("unregistered").await;
        page
    }

    /// Opens a page that may ask for anything.
    pub async fn visit(driver: &Driver, person: &str, url: &str, flags: &[&str]) -> Self {
        let browser = driver.browser(person, flags).await;
        let page = Self { person: person.to_owned(), browser };
        page.did("open the page", page.browser.goto(url).await).await;
        page
    }

    // What the user does.

    pub async fn register(&self, name: &str) {
        self.write("name", name).await;
        self.click("register").await;
        self.is("idle").await;
    }

    /// Gives up the name it has and takes another.
    pub async fn rename(&self, name: &str) {
        self.click("rename").await;
        self.is("unregistered").await;
        self.register(name).await;
    }

    /// Asks whether somebody is online and waits for the page to say so.
    pub async fn check(&self, name: &str, answer: &str) {
        self.write("peer", name).await;
        self.click("check").await;
        self.shows("presence", answer).await;
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

    /// Closes the page; it has the time to say goodbye to the server.
    pub async fn close(self) {
        self.did("close", self.browser.close_window().await).await;
    }

    /// Ends the page's process; it has no time for anything.
    pub async fn crash(self) {
        // Chromium's address for this. The answer is an error, for there is nobody left to give another.
        let answer = self.browser.goto("chrome://crash").await;
        assert!(answer.is_err(), "the page of {} survived a crash", self.person);
    }

    // What the user sees.

    /// Waits for the page to be in that state.
    pub async fn is(&self, state: &str) {
        let script = "return document.body.dataset.state";
        self.until(&format!("is {state}"), async || self.ask::<String>(script).await == state).await;
    }

    /// Waits for the page to say something with these words in it.
    pub async fn says(&self, words: &str) {
        self.shows("status", words).await;
    }

    /// Waits for these words in an element that can be seen.
    pub async fn shows(&self, id: &str, words: &str) {
        let script = format!("return document.getElementById('{id}').innerText");
        self.until(&format!("shows '{words}'"), async || self.ask::<String>(&script).await.contains(words))
            .await;
    }

    /// Panics if the page's console has an error in it.
    pub async fn has_no_errors(&self) {
        let log = self.console().await;
        assert!(!log.contains("SEVERE"), "the console of {}: {log}", self.person);
    }

    // The parts of the above.

    async fn click(&self, id: &str) {
        let clicked = async { self.browser.find(By::Id(id)).await?.click().await };
        self.did(&format!("click '{id}'"), clicked.await).await;
    }

    pub async fn write(&self, id: &str, text: &str) {
        let written = async {
            let field = self.browser.find(By::Id(id)).await?;
            field.clear().await?;
            field.send_keys(text).await
        };
        self.did(&format!("write '{text}' into '{id}'"), written.await).await;
    }

    /// Tells the browser by Chromium's own protocol, for instance that its screen is small.
    pub async fn tell(&self, method: &str, params: serde_json::Value) {
        let told = Cdp::new(self.browser.clone()).send_raw(method, params).await;
        self.did(method, told).await;
    }

    /// What this script returns in the page.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let answer = async { self.browser.execute(script, Vec::new()).await?.convert() };
        self.did("be asked", answer.await).await
    }

    /// Waits until the page is so.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        while !condition().await {
            if Instant::now() >= deadline {
                self.fail(&format!("within {PAGE_TIMEOUT:?} it did not come true that the page {what}"))
                    .await;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn did<T>(&self, what: &str, outcome: WebDriverResult<T>) -> T {
        match outcome {
            Ok(value) => value,
            Err(error) => self.fail(&format!("cannot {what}: {error}")).await,
        }
    }

    async fn fail(&self, what: &str) -> ! {
        let shown = "return `${document.body.dataset.state}: ${document.body.innerText}`";
        let shown = async { self.browser.execute(shown, Vec::new()).await?.convert::<String>() };
        let (shown, console) = (shown.await, self.console().await);
        panic!("{}: {what}. The page shows {shown:?}; its console:\n{console}", self.person)
    }

    async fn console(&self) -> String {
        match self.browser.browser_log().await {
            Ok(entries) => entries.iter().map(|it| format!("{} {}\n", it.level, it.message)).collect(),
            Err(error) => format!("(unknown: {error})"),
        }
    }
}
