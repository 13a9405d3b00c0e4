//! What lies in a mailbox, for one who does not own it.

use super::{entry_id, offset_of};
use crate::message::Message;
use crate::redis::reply::{self, EntryId, RawEntry};
use crate::redis::{PAGE_SIZE, RedisBus};
use crate::topic::Mailbox;
use crate::{MailboxOffset, SendError, codec};
use ::redis::cmd;

impl RedisBus {
    /// In pages, so that a long mailbox holds up no send on the same connection.
    pub(crate) async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        let (key, mut left) = (mailbox.key(), Vec::new());
        let mut from = after.map_or_else(EntryId::default, |after| entry_id(after).next());
        loop {
            let mut range = cmd("XRANGE");
            range.arg(&key).arg(from.to_string()).arg("+").arg("COUNT").arg(PAGE_SIZE);
            let page = reply::entries(self.shared.query(&range).await?);
            let is_last = page.len() < PAGE_SIZE;
            for RawEntry { id, fields } in page {
                from = id.next();
                // What makes no sense is left to the owner, who buries it.
                left.extend(codec::decode(&fields).ok().map(|message| (offset_of(0, id), message)));
            }
            if is_last {
                return Ok(left);
            }
        }
    }
}
