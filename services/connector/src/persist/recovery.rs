//! Reads the state of the former connector: its record on the backend, and its calls.

use crate::janus::message::JanusId;
use common::{BackendName, ErrorLog, ServiceId, warn_failure};
use directory::Directory;
use directory::record::OrphanedCall;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

static READING: ErrorLog = ErrorLog::new("reading the state of former connectors");

/// The pause before the state is read again after a failure.
const RECOVERY_RETRY_DELAY: Duration = Duration::from_millis(200);

/// What a connector stores about itself on a backend that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorRecord {
    pub connector: ServiceId,
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
}

/// The state of the former connector of a backend.
#[derive(Debug)]
pub struct RecoveredState {
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
    pub calls: Vec<OrphanedCall>,
}

impl RecoveredState {
    /// Reads the state, and retries until the directory replies: a backend cannot be served without it.
    /// Safe to cancel.
    pub async fn read(directory: &Directory, backend: &BackendName) -> Self {
        loop {
            match Self::try_read(directory, backend).await {
                Ok(recovered) => {
                    READING.succeeded();
                    return recovered;
                }
                Err(error) => {
                    warn_failure!(READING, %error, %backend, "failed to read the state of the former connector, retrying");
                }
            }
            tokio::time::sleep(RECOVERY_RETRY_DELAY).await;
        }
    }

    async fn try_read(directory: &Directory, backend: &BackendName) -> directory::Result<Self> {
        let (record, calls) =
            tokio::join!(connector_record(directory, backend), directory.orphaned_calls(backend));
        let (record, calls) = (record?, calls?);
        let recorded = record.map(|record| record.sessions).unwrap_or_default();
        let sessions: BTreeSet<_> = calls.iter().filter_map(janus_session).chain(recorded).collect();
        Ok(Self { sessions: sessions.into_iter().collect(), calls })
    }
}

/// The session of a saved call. It may be newer than the connector's record.
fn janus_session(orphaned: &OrphanedCall) -> Option<JanusId> {
    #[derive(Deserialize)]
    struct StoredSession {
        session: Option<JanusId>,
    }
    serde_json::from_str::<Option<StoredSession>>(orphaned.state.as_deref()?).ok()??.session
}

/// Reads the record of the last connector of a backend. A malformed record counts as none.
///
/// # Errors
/// When the directory cannot be reached.
pub async fn connector_record(
    directory: &Directory,
    backend: &BackendName,
) -> directory::Result<Option<ConnectorRecord>> {
    let record = directory.connector_record(backend).await?;
    Ok(record.and_then(|record| serde_json::from_str(&record).ok()))
}
