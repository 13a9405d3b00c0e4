//! Questions to a Janus' Admin API: what does it still hold?

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

    /// Asks anything; the transaction and the secret are added here. Returns the reply, also an error.
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

    /// The ids of all sessions.
    pub async fn sessions(&mut self) -> Vec<u64> {
        ids(&self.request(json!({"janus": "list_sessions"})).await["sessions"])
    }

    /// The ids of a session's handles; none if the session is gone.
    pub async fn handles(&mut self, session: u64) -> Vec<u64> {
        ids(&self.request(json!({"janus": "list_handles", "session_id": session})).await["handles"])
    }

    /// Session and id of every plugin handle, without those of probes.
    pub async fn legs(&mut self) -> Vec<(u64, u64)> {
        self.handles_of(|opaque_id| opaque_id != PROBE).await
    }

    /// How many plugin handles there are, over all sessions, without those of probes.
    pub async fn all_handles(&mut self) -> usize {
        self.legs().await.len()
    }

    /// How many handles connectors have that only find out whether the plugin works.
    pub async fn probes(&mut self) -> usize {
        self.handles_of(|opaque_id| opaque_id == PROBE).await.len()
    }

    async fn handles_of(&mut self, whose: impl Fn(&Value) -> bool) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        for session in self.sessions().await {
            for handle in self.handles(session).await {
                if whose(&self.handle_info(session, handle).await["opaque_id"]) {
                    found.push((session, handle));
                }
            }
        }
        found
    }

    /// What Janus and the plugin know of a handle: `info` of `handle_info`, `Null` if it is gone.
    pub async fn handle_info(&mut self, session: u64, handle: u64) -> Value {
        let request = json!({"janus": "handle_info", "session_id": session, "handle_id": handle});
        self.request(request).await["info"].take()
    }

    /// Ends a handle's PeerConnection, as if it were lost; its `hangup` has the reason `Admin API`.
    pub async fn hangup_webrtc(&mut self, session: u64, handle: u64) {
        let request = json!({"janus": "hangup_webrtc", "session_id": session, "handle_id": handle});
        let reply = self.request(request).await;
        assert_eq!(reply["janus"], "success", "hangup_webrtc: {reply}");
    }
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
