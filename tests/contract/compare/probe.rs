//! Checks that a Janus is alive, with its plugin. A frozen plugin still lets `ping` and `attach` through.

use super::json::Json;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{RawWebsocket, raw_websocket::Received};
use tokio::time::Instant;

const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Whether the plugin answers a `list`.
pub async fn serves(url: &str) -> bool {
    lists(url).await.is_some()
}

async fn lists(url: &str) -> Option<()> {
    let mut websocket = RawWebsocket::open(url).await.ok()?;
    let created = request(&mut websocket, json!({"janus": "create"}), "success").await?;
    let session = created.number(&["data", "id"])?;
    let plugin = "janus.plugin.videocall";
    let attach = json!({"janus": "attach", "session_id": session, "plugin": plugin});
    let handle = request(&mut websocket, attach, "success").await?.number(&["data", "id"])?;
    let body = json!({"request": "list"});
    let list = json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body});
    request(&mut websocket, list, "event").await?;
    request(&mut websocket, json!({"janus": "destroy", "session_id": session}), "success").await.map(|_| ())
}

async fn request(websocket: &mut RawWebsocket, mut request: Value, kind: &str) -> Option<Json> {
    request["transaction"] = json!("probe");
    websocket.send(request.to_string()).await.then_some(())?;
    let deadline = Instant::now() + PROBE_TIMEOUT;
    loop {
        let Received::Text(text) = websocket.next_until(deadline).await else { return None };
        let message = Json::parse(&text).ok()?;
        if message.text(&["janus"]) == kind {
            return Some(message);
        }
    }
}
