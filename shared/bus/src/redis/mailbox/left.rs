//! What lies in a mailbox, for one who does not own it.

use super::{id, mark};
use crate::message::Message;
use crate::redis::reply::{self, Entry, EntryId};
use crate::redis::{PAGE, RedisBus};
use crate::topic::Mailbox;
use crate::{Mark, SendError, entry};
use ::redis::cmd;

impl RedisBus {
    /// In pages, so that a long mailbox holds up no send on the same connection.
    pub(crate) async fn left_in(
        &self,
        mailbox: &Mailbox,
        after: Option<Mark>,
    ) -> Result<Vec<(Mark, Message)>, SendError> {
        let (key, mut left) = (mailbox.key(), Vec::new());
        let mut from = after.map_or_else(EntryId::default, |after| id(after).next());
        loop {
            let mut range = cmd("XRANGE");
            range.arg(&key).arg(from.to_string()).arg("+").arg("COUNT").arg(PAGE);
            let page = reply::entries(self.shared.query(&range).await?);
            let is_last = page.len() < PAGE;
            for Entry { id, fields } in page {
                from = id.next();
                // What makes no sense is left to the owner, who buries it.
                left.extend(entry::decode(&fields).ok().map(|message| (mark(0, id), message)));
            }
            if is_last {
                return Ok(left);
            }
        }
    }
}
