//! A websocket to Janus with a session on it, for one question at a time.

use crate::janus::message::{FromJanus, JanusId, ToJanus};
use crate::janus::site::Endpoint;
use crate::janus::{LinkError, Stream, open_websocket};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::raw;
use protocol::videocall::PLUGIN;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// How long Janus may take to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take for anything else.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to read that we go.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// What our handles are called in Janus' own records.
const OPAQUE_ID: &str = "switchboard-probe";

/// A session on a Janus server.
pub struct ProbeSession {
    stream: Stream,
    credentials: Credentials,
    session: Option<JanusId>,
    last_transaction: u64,
}

impl ProbeSession {
    /// Connects and opens a session.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn open(site: &Endpoint) -> Result<Self, LinkError> {
        let stream =
            timeout(CONNECT_TIMEOUT, open_websocket(site)).await.unwrap_or(Err(LinkError::Unresponsive))?;
        let mut line =
            Self { stream, credentials: site.credentials.clone(), session: None, last_transaction: 0 };
        line.session = created_id(line.request(ToJanus { janus: "create", ..ToJanus::default() }).await?);
        match line.session {
            Some(_) => Ok(line),
            None => Err(LinkError::Refused("no session for the probe".to_owned())),
        }
    }

    /// A handle on the VideoCall plugin, unless Janus refuses one.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn attach(&mut self) -> Result<Option<JanusId>, LinkError> {
        let opaque_id = Some(OPAQUE_ID.to_owned());
        let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
        self.request(attach).await.map(created_id)
    }

    /// Whether the plugin answers a request that changes nothing.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn set(&mut self, handle: JanusId) -> Result<bool, LinkError> {
        let body = Some(raw(&serde_json::json!({"request": "set"})));
        let set = ToJanus { janus: "message", handle_id: Some(handle), body, ..ToJanus::default() };
        Ok(matches!(self.request(set).await?, Some(FromJanus::Plugin { .. })))
    }

    /// Gives a handle back.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn detach(&mut self, handle: JanusId) -> Result<(), LinkError> {
        let detach = ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() };
        self.request(detach).await.map(drop)
    }

    /// Waits until the connection breaks while nothing is asked. Safe to cancel.
    pub async fn broken(&mut self) -> LinkError {
        loop {
            if let Err(down) = self.next().await {
                return down;
            }
        }
    }

    /// Ends the session, with its handles.
    pub async fn close(mut self) {
        let goodbye = async {
            let _ = self.request(ToJanus { janus: "destroy", ..ToJanus::default() }).await;
            let _ = self.stream.close(None).await;
        };
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }

    /// What Janus answers; none if it says something, but not that.
    async fn request(&mut self, request: ToJanus<'_>) -> Result<Option<FromJanus>, LinkError> {
        let until = Instant::now() + REQUEST_TIMEOUT;
        self.last_transaction += 1;
        let transaction = self.last_transaction.to_string();
        let request = ToJanus { transaction: transaction.clone(), session_id: self.session, ..request };
        let text = Message::text(request.with_credentials(&self.credentials).to_json());
        timeout_at(until, self.stream.send(text))
            .await
            .map_err(|_| LinkError::Backpressure)?
            .map_err(Box::new)?;
        let mut is_there = false;
        loop {
            match timeout_at(until, self.next()).await {
                Ok(message) => {
                    let message = message?;
                    is_there = true;
                    if is_reply_to(&message, &transaction) {
                        return Ok(Some(message));
                    }
                }
                Err(_) if is_there => return Ok(None),
                Err(_) => return Err(LinkError::Unresponsive),
            }
        }
    }

    async fn next(&mut self) -> Result<FromJanus, LinkError> {
        loop {
            match self.stream.next().await.ok_or(LinkError::Closed)?.map_err(Box::new)? {
                Message::Text(text) => match FromJanus::read(text.as_str()) {
                    FromJanus::SessionEnded(_) => return Err(LinkError::SessionEnded),
                    message => return Ok(message),
                },
                Message::Close(_) => return Err(LinkError::Closed),
                _ => {}
            }
        }
    }
}

/// Whether this is the last word on a request.
fn is_reply_to(message: &FromJanus, to: &str) -> bool {
    match message {
        FromJanus::Success { transaction, .. } | FromJanus::Error { transaction, .. } => transaction == to,
        FromJanus::Plugin { transaction, .. } => transaction.as_deref() == Some(to),
        _ => false,
    }
}

/// What a request has made.
fn created_id(answer: Option<FromJanus>) -> Option<JanusId> {
    match answer {
        Some(FromJanus::Success { id, .. }) => id,
        _ => None,
    }
}
