//! Offsets in a mailbox: messages through an acknowledged offset are not read again, and undelivered messages are read
//! behind an offset.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::topic::Log;
use bus::{Bus, MailboxOffset, MailboxReader};
use common::ServiceId;

on_both![
    belong_to_the_returned_messages,
    keep_the_messages_behind_them,
    count_by_their_position_in_any_order,
    bound_the_acks_of_successive_owners,
    leave_undelivered_messages_untouched,
    page_through_undelivered_messages,
    return_many_undelivered_messages,
    return_nothing_for_a_missing_mailbox,
];

/// Reads `count` messages, beginning with 0, and returns their offsets.
async fn read_offsets(reader: &mut MailboxReader, count: u32) -> Vec<MailboxOffset> {
    let mut offsets = Vec::new();
    for expected in 0..count {
        assert_eq!(read(reader).await, expected);
        offsets.push(reader.offset().unwrap());
    }
    offsets
}

async fn reads(reader: &mut MailboxReader, numbers: std::ops::Range<u32>) {
    for expected in numbers {
        assert_eq!(read(reader).await, expected);
    }
}

async fn holds(bus: &Bus, count: usize) {
    let key = mailbox().key();
    eventually("acked messages are deleted", async || bus.backlog(&key).await.unwrap() == count).await;
}

async fn undelivered(bus: &Bus, after: Option<MailboxOffset>) -> (Vec<u32>, Option<MailboxOffset>) {
    let messages = bus.read_undelivered(&mailbox(), after).await.unwrap();
    (
        messages.iter().map(|(_, message)| number(message)).collect(),
        messages.last().map(|(offset, _)| *offset),
    )
}

async fn belong_to_the_returned_messages(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..200).await;
    assert_eq!(reader.offset(), None, "no message was returned, although some were read ahead");
    let offsets = read_offsets(&mut reader, 200).await;
    assert!(offsets.is_sorted_by(|earlier, later| earlier < later), "in the order of the messages");
    reader.ack();
    holds(&bus, 0).await;
    let next = bus.open(mailbox()).await.unwrap();
    assert_eq!(next.offset(), None, "the offset is that of this reader");
}

async fn keep_the_messages_behind_them(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..10).await;
    let offsets = read_offsets(&mut reader, 8).await;
    reader.ack_through(offsets[4]);
    holds(&bus, 5).await;
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 5..10).await;
}

async fn count_by_their_position_in_any_order(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..10).await;
    let offsets = read_offsets(&mut reader, 10).await;
    for index in [2, 0, 6, 6, 3, 1] {
        reader.ack_through(offsets[index]);
    }
    holds(&bus, 3).await;
    // An offset of a deleted message deletes nothing.
    reader.ack_through(offsets[5]);
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 7..10).await;
}

async fn bound_the_acks_of_successive_owners(bus: Bus) {
    let mut first = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..6).await;
    let offsets = read_offsets(&mut first, 4).await;
    first.ack_through(offsets[1]);
    drop(first);
    holds(&bus, 4).await;
    let mut second = bus.open(mailbox()).await.unwrap();
    reads(&mut second, 2..4).await;
    let offset = second.offset().unwrap();
    reads(&mut second, 4..6).await;
    second.ack_through(offset);
    drop(second);
    holds(&bus, 2).await;
    reads(&mut bus.open(mailbox()).await.unwrap(), 4..6).await;
}

async fn leave_undelivered_messages_untouched(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..5).await;
    reads(&mut reader, 0..2).await;
    for _ in 0..2 {
        assert_eq!(undelivered(&bus, None).await.0, [0, 1, 2, 3, 4], "read messages are unacknowledged");
    }
    reads(&mut reader, 2..5).await;
    reader.ack();
    holds(&bus, 0).await;
    assert_eq!(undelivered(&bus, None).await, (Vec::new(), None));
}

async fn page_through_undelivered_messages(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..3).await;
    let offsets = read_offsets(&mut reader, 3).await;
    drop(reader);
    let (numbers, cursor) = undelivered(&bus, Some(offsets[0])).await;
    assert_eq!(numbers, [1, 2], "offsets of the owner are valid");
    assert_eq!(undelivered(&bus, cursor).await, (Vec::new(), None));
    // Senders that have not noticed the death of the owner still post.
    post_all(&bus, 3..5).await;
    assert_eq!(undelivered(&bus, cursor).await.0, [3, 4]);
    assert_eq!(undelivered(&bus, None).await.0, [0, 1, 2, 3, 4]);
}

async fn return_many_undelivered_messages(bus: Bus) {
    drop(bus.open(mailbox()).await.unwrap());
    post_all(&bus, 0..1500).await;
    let (numbers, cursor) = undelivered(&bus, None).await;
    assert!(numbers.into_iter().eq(0..1500));
    post_all(&bus, 1500..1501).await;
    assert_eq!(undelivered(&bus, cursor).await.0, [1500]);
}

async fn return_nothing_for_a_missing_mailbox(bus: Bus) {
    assert_eq!(undelivered(&bus, None).await, (Vec::new(), None));
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..1).await;
    reads(&mut reader, 0..1).await;
    let offset = reader.offset();
    bus.close(&mailbox()).await.unwrap();
    assert_eq!(undelivered(&bus, offset).await, (Vec::new(), None));
    let other = bus::topic::Mailbox::Edge(ServiceId::from("edge-2"));
    assert!(bus.read_undelivered(&other, offset).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_invalid_once_redis_has_lost_the_mailbox() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    // The clock of the old Redis was ahead.
    let greater_id = format!("XADD {} 9999999999999-0 foo bar", mailbox().key());
    let _: String = server.command(&greater_id).await;
    post_all(&bus, 0..1).await;
    let old = read_offsets(&mut reader, 1).await[0];
    let _: () = server.command("FLUSHALL").await;
    eventually("the mailbox is created again", async || bus.post(&mailbox(), &numbered(0)).await.is_ok())
        .await;
    post_all(&bus, 1..4).await;
    let new = read_offsets(&mut reader, 3).await;
    assert!(old < new[0]);
    reader.ack_through(old);
    reader.ack_through(new[1]);
    reader.ack_through(old);
    holds(&bus, 2).await;
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 2..4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skip_malformed_entries() {
    let server = Server::start();
    let bus = server.bus().await;
    drop(bus.open(mailbox()).await.unwrap());
    post_all(&bus, 0..1).await;
    let _: String = server.command(&format!("XADD {} * foo bar", mailbox().key())).await;
    post_all(&bus, 1..2).await;
    assert_eq!(undelivered(&bus, None).await.0, [0, 1]);
    assert!(bus.tail(Log::Dead, 10).await.unwrap().is_empty());
    let mut reader = bus.open(mailbox()).await.unwrap();
    reads(&mut reader, 0..2).await;
    assert_eq!(bus.tail(Log::Dead, 10).await.unwrap().len(), 1);
}
