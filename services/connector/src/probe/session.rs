//! A websocket to Janus with a session for the probe, on which one request is in flight at a time.

use crate::janus::endpoint::{Endpoint, JanusSocket, LinkError, open_websocket};
use crate::janus::message::{FromJanus, JanusId, ToJanus};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::raw;
use protocol::videocall::PLUGIN;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long Janus may take to read that the session ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The label of the probe's handles in Janus' own records.
const OPAQUE_ID: &str = "switchboard-probe";

pub struct ProbeSession {
    socket: JanusSocket,
    credentials: Credentials,
    session: Option<JanusId>,
    last_transaction: u64,
}

impl ProbeSession {
    /// Connects and creates a session.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, LinkError> {
        let socket = timeout(CONNECT_TIMEOUT, open_websocket(endpoint)).await;
        let socket = socket.unwrap_or(Err(LinkError::Unresponsive))?;
        let credentials = endpoint.credentials.clone();
        let mut session = Self { socket, credentials, session: None, last_transaction: 0 };
        let create = ToJanus { janus: "create", ..ToJanus::default() };
        session.session = created_id(session.request(create).await?);
        match session.session {
            Some(_) => Ok(session),
            None => Err(LinkError::Refused("no session for the probe".to_owned())),
        }
    }

    /// Attaches a handle to the VideoCall plugin. Returns none if Janus refuses.
    pub async fn attach(&mut self) -> Result<Option<JanusId>, LinkError> {
        let opaque_id = Some(OPAQUE_ID.to_owned());
        let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
        self.request(attach).await.map(created_id)
    }

    /// Sends a `set` that changes nothing. Returns whether the plugin replies.
    pub async fn set(&mut self, handle: JanusId) -> Result<bool, LinkError> {
        let body = Some(raw(&serde_json::json!({"request": "set"})));
        let set = ToJanus { janus: "message", handle_id: Some(handle), body, ..ToJanus::default() };
        Ok(matches!(self.request(set).await?, Some(FromJanus::Plugin { .. })))
    }

    pub async fn detach(&mut self, handle: JanusId) -> Result<(), LinkError> {
        let detach = ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() };
        self.request(detach).await.map(drop)
    }

    /// Waits until the connection breaks while no request is in flight. Safe to cancel.
    pub async fn broken(&mut self) -> LinkError {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }

    /// Destroys the session, with its handles.
    pub async fn close(mut self) {
        let closed = async {
            let _ = self.request(ToJanus { janus: "destroy", ..ToJanus::default() }).await;
            let _ = self.socket.close(None).await;
        };
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }

    /// Sends a request and returns the reply; none if Janus sends other messages, but no reply in time.
    async fn request(&mut self, request: ToJanus<'_>) -> Result<Option<FromJanus>, LinkError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        self.last_transaction += 1;
        let transaction = self.last_transaction.to_string();
        let request = ToJanus { transaction: transaction.clone(), session_id: self.session, ..request };
        let text = Message::text(request.with_credentials(&self.credentials).to_json());
        let sent = timeout_at(deadline, self.socket.send(text)).await;
        sent.map_err(|_| LinkError::Backpressure)?.map_err(Box::new)?;
        let mut is_responsive = false;
        loop {
            match timeout_at(deadline, self.next()).await {
                Ok(message) => {
                    let message = message?;
                    is_responsive = true;
                    if is_reply_to(&message, &transaction) {
                        return Ok(Some(message));
                    }
                }
                Err(_) if is_responsive => return Ok(None),
                Err(_) => return Err(LinkError::Unresponsive),
            }
        }
    }

    async fn next(&mut self) -> Result<FromJanus, LinkError> {
        loop {
            match self.socket.next().await.ok_or(LinkError::Closed)?.map_err(Box::new)? {
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

/// Whether this is the final reply to a request.
fn is_reply_to(message: &FromJanus, request: &str) -> bool {
    match message {
        FromJanus::Success { transaction, .. } | FromJanus::Error { transaction, .. } => {
            transaction == request
        }
        FromJanus::Plugin { transaction, .. } => transaction.as_deref() == Some(request),
        _ => false,
    }
}

/// The id of the session or handle that a request has created.
fn created_id(reply: Option<FromJanus>) -> Option<JanusId> {
    match reply {
        Some(FromJanus::Success { id, .. }) => id,
        _ => None,
    }
}
