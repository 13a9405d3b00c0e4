//! A client of the Janus Admin API, to check which sessions and handles exist.

use crate::message::PROBE;
use crate::websocket::{ADMIN_API, Incoming, Websocket};
use serde_json::{Value, json};

/// A connection to a Janus' Admin API.
pub struct JanusAdmin {
    socket: Websocket,
    secret: String,
}

impl JanusAdmin {
    /// Connects to the Admin API at a websocket address.
    pub async fn connect(url: &str, secret: &str) -> Self {
        let socket = Websocket::open(url, ADMIN_API).await;
        let socket = socket.unwrap_or_else(|error| panic!("no Admin API at {url}: {error}"));
        Self { socket, secret: secret.to_owned() }
    }

    /// Sends a request, with transaction and secret added. Returns the reply, also an error.
    pub async fn request(&mut self, mut request: Value) -> Value {
        request["transaction"] = json!("admin");
        request["admin_secret"] = json!(self.secret);
        self.socket.send(request.to_string()).await.expect("the Admin API takes the request");
        match self.socket.next().await {
            Incoming::Message(reply) => reply,
            Incoming::Closed(_) => panic!("the Admin API closed the connection upon {request}"),
            Incoming::Timeout => panic!("the Admin API did not answer {request}"),
        }
    }

    /// Returns the ids of all sessions.
    pub async fn sessions(&mut self) -> Vec<u64> {
        ids(&self.request(json!({"janus": "list_sessions"})).await["sessions"])
    }

    /// Returns the ids of the handles of a session; none if the session does not exist.
    pub async fn handles(&mut self, session: u64) -> Vec<u64> {
        ids(&self.request(json!({"janus": "list_handles", "session_id": session})).await["handles"])
    }

    /// Returns session and id of every plugin handle, except those of probes.
    pub async fn legs(&mut self) -> Vec<(u64, u64)> {
        self.handles_with(|opaque_id| opaque_id != PROBE).await
    }

    /// Returns the number of plugin handles, except those of probes.
    pub async fn all_handles(&mut self) -> usize {
        self.legs().await.len()
    }

    /// Returns the number of handles of probes.
    pub async fn probes(&mut self) -> usize {
        self.handles_with(|opaque_id| opaque_id == PROBE).await.len()
    }

    async fn handles_with(&mut self, matches: impl Fn(&Value) -> bool) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        for session in self.sessions().await {
            for handle in self.handles(session).await {
                // Probes come and go.
                let info = self.handle_info(session, handle).await;
                if !info.is_null() && matches(&info["opaque_id"]) {
                    found.push((session, handle));
                }
            }
        }
        found
    }

    /// Returns the `info` of a handle; `Null` if it does not exist.
    pub async fn handle_info(&mut self, session: u64, handle: u64) -> Value {
        let request = json!({"janus": "handle_info", "session_id": session, "handle_id": handle});
        self.request(request).await["info"].take()
    }

    /// Closes the PeerConnection of a handle. The `hangup` event has the reason `Admin API`.
    pub async fn hangup_webrtc(&mut self, session: u64, handle: u64) {
        let request = json!({"janus": "hangup_webrtc", "session_id": session, "handle_id": handle});
        let reply = self.request(request).await;
        assert_eq!(reply["janus"], "success", "hangup_webrtc: {reply}");
    }
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
