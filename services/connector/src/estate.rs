//! What a connector leaves for the next one in the directory: a note on the backend, and its calls.

use crate::janus::message::JanusId;
use common::{BackendName, ServiceId};
use directory::Directory;
use directory::record::OrphanedCall;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The pause before a directory that does not answer is asked again.
const RECOVERY_RETRY_DELAY: Duration = Duration::from_millis(200);

/// What a connector notes on a backend that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorRecord {
    /// Which connector.
    pub connector: ServiceId,
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
}

/// What the last connector of a backend left.
#[derive(Debug)]
pub struct RecoveredState {
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
    /// Its calls.
    pub calls: Vec<OrphanedCall>,
}

impl RecoveredState {
    /// Reads it; asks until the directory answers, because nothing may begin on a backend before it
    /// is known what goes on there. Safe to cancel.
    pub async fn read(directory: &Directory, backend: &BackendName) -> Self {
        loop {
            match Self::try_read(directory, backend).await {
                Ok(estate) => return estate,
                Err(error) => {
                    tracing::warn!(%error, %backend, "what a former connector left cannot be read yet");
                }
            }
            tokio::time::sleep(RECOVERY_RETRY_DELAY).await;
        }
    }

    async fn try_read(directory: &Directory, backend: &BackendName) -> directory::Result<Self> {
        let (note, calls) =
            tokio::join!(connector_record(directory, backend), directory.orphaned_calls(backend));
        let (noted, calls) = (note?.map(|note| note.sessions).unwrap_or_default(), calls?);
        let sessions: BTreeSet<_> = calls.iter().filter_map(janus_session).chain(noted).collect();
        Ok(Self { sessions: sessions.into_iter().collect(), calls })
    }
}

/// The session that a call is in: it may be newer than the note.
fn janus_session(left: &OrphanedCall) -> Option<JanusId> {
    #[derive(Deserialize)]
    struct StoredSession {
        session: Option<JanusId>,
    }
    serde_json::from_str::<Option<StoredSession>>(left.state.as_deref()?).ok()??.session
}

/// The last note on a backend; none where it makes no sense.
///
/// # Errors
/// When the directory does not answer.
pub async fn connector_record(
    directory: &Directory,
    backend: &BackendName,
) -> directory::Result<Option<ConnectorRecord>> {
    let note = directory.connector_record(backend).await?;
    Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
}
