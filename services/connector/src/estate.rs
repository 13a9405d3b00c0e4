//! What a connector leaves for the next one in the directory: a note on the backend, and its calls.

use crate::janus::message::JanusId;
use directory::Directory;
use directory::record::LeftCall;
use protocol::{BackendName, ServiceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The pause before a directory that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// What a connector notes on a backend that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Which connector.
    pub by: ServiceId,
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
}

/// What the last connector of a backend left.
#[derive(Debug)]
pub struct Estate {
    /// Its sessions on Janus.
    pub sessions: Vec<JanusId>,
    /// Its calls.
    pub calls: Vec<LeftCall>,
}

impl Estate {
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
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_read(directory: &Directory, backend: &BackendName) -> directory::Result<Self> {
        let (note, calls) = tokio::join!(note(directory, backend), directory.left_calls(backend));
        let (noted, calls) = (note?.map(|note| note.sessions).unwrap_or_default(), calls?);
        let sessions: BTreeSet<_> = calls.iter().filter_map(session).chain(noted).collect();
        Ok(Self { sessions: sessions.into_iter().collect(), calls })
    }
}

/// The session that a call is in: it may be newer than the note.
fn session(left: &LeftCall) -> Option<JanusId> {
    #[derive(Deserialize)]
    struct Written {
        session: Option<JanusId>,
    }
    serde_json::from_str::<Option<Written>>(left.state.as_deref()?).ok()??.session
}

/// The last note on a backend; none where it makes no sense.
///
/// # Errors
/// When the directory does not answer.
pub async fn note(directory: &Directory, backend: &BackendName) -> directory::Result<Option<Note>> {
    let note = directory.backend_note(backend).await?;
    Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
}
