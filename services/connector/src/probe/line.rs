//! A websocket to Janus with a session on it, for one question at a time.

use crate::janus::message::{FromJanus, JanusId, ToJanus};
use crate::janus::site::Site;
use crate::janus::{Down, Stream, websocket};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::raw;
use protocol::videocall::PLUGIN;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// How long Janus may take to open a connection.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take for anything else.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take to read that we go.
const GOODBYE: Duration = Duration::from_secs(1);
/// What our handles are called in Janus' own records.
const OPAQUE_ID: &str = "switchboard-probe";

/// A session on a Janus server.
pub struct Line {
    stream: Stream,
    credentials: Credentials,
    session: Option<JanusId>,
    asked: u64,
}

impl Line {
    /// Connects and opens a session.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn open(site: &Site) -> Result<Self, Down> {
        let stream = timeout(OPEN_PATIENCE, websocket(site)).await.unwrap_or(Err(Down::Silent))?;
        let mut line = Self { stream, credentials: site.credentials.clone(), session: None, asked: 0 };
        line.session = made(line.ask(ToJanus { janus: "create", ..ToJanus::default() }).await?);
        match line.session {
            Some(_) => Ok(line),
            None => Err(Down::Refused("no session for the probe".to_owned())),
        }
    }

    /// A handle on the VideoCall plugin, unless Janus refuses one.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn attach(&mut self) -> Result<Option<JanusId>, Down> {
        let opaque_id = Some(OPAQUE_ID.to_owned());
        let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
        self.ask(attach).await.map(made)
    }

    /// Whether the plugin answers a request that changes nothing.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn set(&mut self, handle: JanusId) -> Result<bool, Down> {
        let body = Some(raw(&serde_json::json!({"request": "set"})));
        let set = ToJanus { janus: "message", handle_id: Some(handle), body, ..ToJanus::default() };
        Ok(matches!(self.ask(set).await?, Some(FromJanus::Plugin { .. })))
    }

    /// Gives a handle back.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn detach(&mut self, handle: JanusId) -> Result<(), Down> {
        let detach = ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() };
        self.ask(detach).await.map(drop)
    }

    /// Waits until the connection breaks while nothing is asked. Safe to cancel.
    pub async fn broken(&mut self) -> Down {
        loop {
            if let Err(down) = self.next().await {
                return down;
            }
        }
    }

    /// Ends the session, with its handles.
    pub async fn close(mut self) {
        let goodbye = async {
            let _ = self.ask(ToJanus { janus: "destroy", ..ToJanus::default() }).await;
            let _ = self.stream.close(None).await;
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }

    /// What Janus answers; none if it says something, but not that.
    async fn ask(&mut self, request: ToJanus<'_>) -> Result<Option<FromJanus>, Down> {
        let until = Instant::now() + PATIENCE;
        self.asked += 1;
        let transaction = self.asked.to_string();
        let request = ToJanus { transaction: transaction.clone(), session_id: self.session, ..request };
        let text = Message::text(request.with(&self.credentials).text());
        timeout_at(until, self.stream.send(text)).await.map_err(|_| Down::Clogged)?.map_err(Box::new)?;
        let mut is_there = false;
        loop {
            match timeout_at(until, self.next()).await {
                Ok(message) => {
                    let message = message?;
                    is_there = true;
                    if answers(&message, &transaction) {
                        return Ok(Some(message));
                    }
                }
                Err(_) if is_there => return Ok(None),
                Err(_) => return Err(Down::Silent),
            }
        }
    }

    async fn next(&mut self) -> Result<FromJanus, Down> {
        loop {
            match self.stream.next().await.ok_or(Down::Closed)?.map_err(Box::new)? {
                Message::Text(text) => match FromJanus::read(text.as_str()) {
                    FromJanus::Over(_) => return Err(Down::Ended),
                    message => return Ok(message),
                },
                Message::Close(_) => return Err(Down::Closed),
                _ => {}
            }
        }
    }
}

/// Whether this is the last word on a request.
fn answers(message: &FromJanus, to: &str) -> bool {
    match message {
        FromJanus::Success { transaction, .. } | FromJanus::Error { transaction, .. } => transaction == to,
        FromJanus::Plugin { transaction, .. } => transaction.as_deref() == Some(to),
        _ => false,
    }
}

/// What a request has made.
fn made(answer: Option<FromJanus>) -> Option<JanusId> {
    match answer {
        Some(FromJanus::Success { id, .. }) => id,
        _ => None,
    }
}
