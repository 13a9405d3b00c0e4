//! A websocket to Janus with a session for the probe, on which one request is in flight at a time.

use crate::janus::endpoint::{
    Endpoint, JanusSocket, LinkError, close_deadline, close_websocket, open_websocket,
};
use crate::janus::message::{FromJanus, JanusId, PluginData, ToJanus, named_request};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::object::LazyObject;
use protocol::videocall::PLUGIN;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// The label of the probe's handles in Janus' own records, and the beginning of its transactions and names.
const PROBE: &str = "switchboard-probe";

pub struct ProbeSession {
    socket: JanusSocket,
    credentials: Credentials,
    session: Option<JanusId>,
    last_transaction: u64,
}

/// Janus' reply to a request of the probe.
#[derive(Debug)]
enum ProbeReply {
    Success(Option<JanusId>),
    /// The error code of Janus or of its plugin.
    Refused(i64),
    Info {
        accepts_sessions: bool,
    },
}

/// A step of a probe that failed, as the reason for an open breaker.
pub type Failure = String;

impl ProbeSession {
    /// Connects and creates a session.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, LinkError> {
        let socket = timeout(CONNECT_TIMEOUT, open_websocket(endpoint)).await;
        let socket = socket.unwrap_or(Err(LinkError::Unresponsive))?;
        let credentials = endpoint.credentials.clone();
        let mut session = Self { socket, credentials, session: None, last_transaction: 0 };
        let create = ToJanus { janus: "create", ..ToJanus::default() };
        let error = match session.request(create).await {
            Ok(Some(ProbeReply::Success(Some(id)))) => {
                session.session = Some(id);
                return Ok(session);
            }
            Ok(other) => LinkError::Refused(format!("no session for the probe: {other:?}")),
            Err(error) => error,
        };
        close_websocket(session.socket, error.close_code(), close_deadline()).await;
        Err(error)
    }

    /// Asks Janus whether it accepts new sessions. Operators close it so, by its Admin API, before they stop it.
    pub async fn accepts_sessions(&mut self) -> Result<bool, LinkError> {
        let reply = self.request(ToJanus { janus: "info", ..ToJanus::default() }).await?;
        Ok(!matches!(reply, Some(ProbeReply::Info { accepts_sessions: false })))
    }

    /// Does what a call does first: attaches a fresh handle, and registers a name that nobody else uses.
    pub async fn try_setup(&mut self) -> Result<Result<(), Failure>, LinkError> {
        let opaque_id = Some(PROBE.to_owned());
        let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
        let handle = match self.request(attach).await? {
            Some(ProbeReply::Success(Some(handle))) => handle,
            Some(ProbeReply::Refused(code)) => {
                return Ok(Err(format!("Janus refuses handles (error {code})")));
            }
            Some(_) | None => return Ok(Err("Janus does not attach handles".to_owned())),
        };
        let name = format!("{PROBE}-{handle}");
        let body = Some(named_request("register", &name));
        let register = ToJanus { janus: "message", handle_id: Some(handle), body, ..ToJanus::default() };
        let outcome = match self.request(register).await? {
            Some(ProbeReply::Success(_)) => Ok(()),
            Some(ProbeReply::Refused(code)) => {
                Err(format!("the VideoCall plugin refuses names (error {code})"))
            }
            Some(ProbeReply::Info { .. }) | None => Err("the VideoCall plugin does not respond".to_owned()),
        };
        let detach = ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() };
        self.request(detach).await?;
        Ok(outcome)
    }

    /// Waits until the connection breaks while no request is in flight. Safe to cancel.
    pub async fn broken(&mut self) -> LinkError {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }

    /// Destroys the session, with its handles, and closes the websocket.
    pub async fn close(mut self) {
        let deadline = close_deadline();
        let destroy = ToJanus { janus: "destroy", ..ToJanus::default() };
        let _ = timeout_at(deadline, self.request(destroy)).await;
        close_websocket(self.socket, CloseCode::Normal, deadline).await;
    }

    /// Sends a request and returns the reply; none if Janus sends other messages, but no reply in time.
    async fn request(&mut self, request: ToJanus<'_>) -> Result<Option<ProbeReply>, LinkError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        self.last_transaction += 1;
        let transaction = format!("{PROBE}-{}", self.last_transaction);
        // Janus answers this one outside a session only.
        let session_id = self.session.filter(|_| request.janus != "info");
        let request = ToJanus { transaction: transaction.clone(), session_id, ..request };
        let text = Message::text(request.with_credentials(&self.credentials).to_json());
        let sent = timeout_at(deadline, self.socket.send(text)).await;
        sent.map_err(|_| LinkError::Backpressure)?.map_err(Box::new)?;
        let mut is_responsive = false;
        loop {
            match timeout_at(deadline, self.next()).await {
                Ok(received) => {
                    let received = received?;
                    is_responsive = true;
                    if let Some(reply) = reply_to(&transaction, &received) {
                        return Ok(Some(reply));
                    }
                }
                Err(_) if is_responsive => return Ok(None),
                Err(_) => return Err(LinkError::Unresponsive),
            }
        }
    }

    async fn next(&mut self) -> Result<String, LinkError> {
        loop {
            match self.socket.next().await.ok_or(LinkError::Closed)?.map_err(Box::new)? {
                Message::Text(text) => match FromJanus::read(text.as_str()) {
                    FromJanus::SessionEnded(_) => return Err(LinkError::SessionEnded),
                    _ => return Ok(text.as_str().to_owned()),
                },
                Message::Close(_) => return Err(LinkError::Closed),
                _ => {}
            }
        }
    }
}

/// Reads a message if it is the final reply to a request.
fn reply_to(request: &str, text: &str) -> Option<ProbeReply> {
    match FromJanus::read(text) {
        FromJanus::Success { transaction, id, .. } if transaction == request => Some(ProbeReply::Success(id)),
        FromJanus::Error { transaction, code, .. } if transaction == request => {
            Some(ProbeReply::Refused(i64::from(code)))
        }
        FromJanus::Plugin { transaction, data, .. } if transaction.as_deref() == Some(request) => {
            let data = PluginData::read(&data);
            match data.error {
                Some(code) => Some(ProbeReply::Refused(code)),
                None if data.event.is_empty() => Some(ProbeReply::Refused(0)),
                None => Some(ProbeReply::Success(None)),
            }
        }
        _ => server_info(request, text),
    }
}

fn server_info(request: &str, text: &str) -> Option<ProbeReply> {
    let info = LazyObject::parse(text).ok()?;
    let text_of = |name| info.string(name).ok();
    let is_reply = text_of("janus")? == "server_info" && text_of("transaction")? == request;
    is_reply.then(|| {
        let accepts = info.get("accepting-new-sessions").is_none_or(|accepts| accepts.get() != "false");
        ProbeReply::Info { accepts_sessions: accepts }
    })
}
