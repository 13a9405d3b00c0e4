//! The connections of a fake Janus. Requests are answered under the lock of the core, which keeps the order of
//! messages.

use super::core::{Core, Outgoing};
use super::envelope::Connection;
use crate::gate::Gate;
use crate::websocket;
use common::transport::Transport;
use futures_util::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// How long the sessions of a closed connection can be claimed.
const RECLAIM_TIMEOUT: Duration = Duration::from_secs(30);
/// The buffer of a connection within this process, in bytes.
const DUPLEX_BUFFER: usize = 64 * 1024;
/// How many messages are written per flush.
const BATCH: usize = 64;

/// The open connections. A closed gate pauses all of them.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<OpenConnections>,
    gate: Gate,
}

#[derive(Default)]
struct OpenConnections {
    last: Connection,
    outboxes: BTreeMap<Connection, (mpsc::UnboundedSender<Message>, AbortHandle)>,
    /// How clients have closed their connections.
    closes: Vec<Option<u16>>,
}

/// What stands for the code of a close frame that has none.
const NO_CODE: u16 = 1005;

impl Connections {
    /// Sends each message to its connection. Drops messages for closed connections, as Janus does.
    pub(super) fn deliver(&self, messages: Vec<Outgoing>) {
        let open = self.open.lock().unwrap();
        for Outgoing { to, message } in messages {
            if let Some((outbox, _)) = open.outboxes.get(&to) {
                let _ = outbox.send(Message::text(message.to_string()));
            }
        }
    }

    /// Closes all connections without a closing handshake; returns them.
    pub(super) fn cut(&self) -> impl Iterator<Item = Connection> {
        let outboxes = std::mem::take(&mut self.open.lock().unwrap().outboxes);
        outboxes.into_iter().map(|(connection, (_, task))| {
            task.abort();
            connection
        })
    }

    /// Sends a close frame on all connections.
    pub(super) fn close(&self, code: u16) {
        for (outbox, _) in self.open.lock().unwrap().outboxes.values() {
            let frame = CloseFrame { code: code.into(), reason: Default::default() };
            let _ = outbox.send(Message::Close(Some(frame)));
        }
    }

    /// Returns how clients have closed their connections, in order.
    pub(super) fn closes(&self) -> Vec<Option<u16>> {
        self.open.lock().unwrap().closes.clone()
    }

    /// Stops or resumes reading.
    pub(super) fn pause(&self, pause: bool) {
        self.gate.set_closed(pause);
    }

    /// Opens a connection within this process.
    pub(super) fn connect(self: &Arc<Self>, core: &Arc<Mutex<Core>>) -> DuplexStream {
        let (theirs, ours) = tokio::io::duplex(DUPLEX_BUFFER);
        self.add(Box::new(ours), core);
        theirs
    }

    fn add(self: &Arc<Self>, stream: Box<dyn Transport>, core: &Arc<Mutex<Core>>) {
        let mut open = self.open.lock().unwrap();
        open.last += 1;
        let connection = open.last;
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let run = run_connection(stream, connection, outgoing, core.clone(), self.clone());
        open.outboxes.insert(connection, (outbox, tokio::spawn(run).abort_handle()));
    }

    fn remove(&self, connection: Connection, close: Option<u16>, core: Arc<Mutex<Core>>) {
        let mut open = self.open.lock().unwrap();
        open.outboxes.remove(&connection);
        open.closes.push(close);
        drop(open);
        reclaim(connection, core);
    }
}

/// Ends the sessions of a closed connection that are not claimed in time.
pub(super) fn reclaim(connection: Connection, core: Arc<Mutex<Core>>) {
    tokio::spawn(async move {
        tokio::time::sleep(RECLAIM_TIMEOUT).await;
        core.lock().unwrap().end_sessions_of(connection);
    });
}

/// Accepts connections until aborted.
pub(super) async fn serve(listener: TcpListener, core: Arc<Mutex<Core>>, connections: Arc<Connections>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.add(Box::new(stream), &core);
    }
}

async fn run_connection(
    stream: Box<dyn Transport>,
    connection: Connection,
    outgoing: mpsc::UnboundedReceiver<Message>,
    core: Arc<Mutex<Core>>,
    connections: Arc<Connections>,
) {
    let accepted = accept_hdr_async_with_config(stream, negotiate_subprotocol, Some(websocket::config()));
    let close = match Box::pin(accepted).await {
        Ok(socket) => serve_socket(socket, connection, outgoing, &core, &connections).await,
        Err(_) => None,
    };
    connections.remove(connection, close, core);
}

/// Returns the code of the client's close frame, if there was one.
async fn serve_socket(
    mut socket: WebSocketStream<Box<dyn Transport>>,
    connection: Connection,
    mut outgoing: mpsc::UnboundedReceiver<Message>,
    core: &Mutex<Core>,
    connections: &Connections,
) -> Option<u16> {
    let mut close = None;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        connections.gate.wait_open().await;
        tokio::select! {
            biased;
            () = connections.gate.wait_closed() => {}
            1.. = outgoing.recv_many(&mut batch, BATCH) => {
                if write(&mut socket, batch.drain(..)).await.is_err() { return close }
            }
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => handle_text(core, connections, connection, &text),
                Some(Ok(Message::Close(frame))) => {
                    close = Some(frame.map_or(NO_CODE, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return close,
            },
        }
    }
}

/// Writes all messages with one flush.
async fn write(
    socket: &mut WebSocketStream<Box<dyn Transport>>,
    messages: impl Iterator<Item = Message>,
) -> Result<(), tungstenite::Error> {
    for message in messages {
        socket.feed(message).await?;
    }
    socket.flush().await
}

fn handle_text(core: &Mutex<Core>, connections: &Connections, from: Connection, text: &str) {
    let mut core = core.lock().unwrap();
    connections.deliver(core.handle_text(from, text));
}

/// Accepts only clients that request the subprotocol, as Janus does.
#[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
fn negotiate_subprotocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    let requested = request.headers().get(PROTOCOL).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !requested.split(',').any(|it| it.trim() == websocket::API) {
        return Err(ErrorResponse::new(None));
    }
    response.headers_mut().insert(PROTOCOL, websocket::API.parse().unwrap());
    Ok(response)
}
