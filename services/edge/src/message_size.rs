//! How many bytes a message takes that waits.

use bus::message::{ClientEvent, Events};

/// The bytes that events for a handle hold.
pub fn of_events(events: &Events) -> usize {
    size_of::<Events>() + events.events.iter().map(of_event).sum::<usize>()
}

fn of_event(event: &ClientEvent) -> usize {
    let texts = match event {
        ClientEvent::Plugin { transaction, data, jsep } => {
            let transaction = transaction.as_ref().map_or(0, String::len);
            transaction + data.get().len() + jsep.as_ref().map_or(0, |jsep| jsep.get().len())
        }
        ClientEvent::Core { janus, fields } => janus.len() + fields.get().len(),
        ClientEvent::Error { transaction, reason, .. } => transaction.len() + reason.len(),
    };
    size_of::<ClientEvent>() + texts
}
