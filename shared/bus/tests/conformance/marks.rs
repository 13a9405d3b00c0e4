//! Places in a mailbox: what is done up to one of them is not read again, and who inherits from a
//! dead owner reads on behind one.

use crate::on_both;
use crate::redis_server::Server;
use crate::support::*;
use bus::topic::Log;
use bus::{Bus, MailboxOffset, MailboxReader};
use common::ServiceId;

on_both![
    are_those_of_the_messages_returned,
    keep_what_lies_behind_them,
    count_by_place_whenever_they_come,
    bound_what_one_owner_after_the_other_does,
    leave_an_estate_untouched,
    show_an_estate_piece_by_piece,
    show_an_estate_of_many_pages,
    show_nothing_in_a_mailbox_that_is_not_there,
];

/// Reads so many messages, 0 and on; returns the place of each.
async fn read_marks(reader: &mut MailboxReader, count: u32) -> Vec<MailboxOffset> {
    let mut marks = Vec::new();
    for expected in 0..count {
        assert_eq!(read(reader).await, expected);
        marks.push(reader.offset().unwrap());
    }
    marks
}

async fn reads(reader: &mut MailboxReader, numbers: std::ops::Range<u32>) {
    for expected in numbers {
        assert_eq!(read(reader).await, expected);
    }
}

async fn holds(bus: &Bus, count: usize) {
    let key = mailbox().key();
    eventually("what is done is gone", async || bus.backlog(&key).await.unwrap() == count).await;
}

async fn left(bus: &Bus, after: Option<MailboxOffset>) -> (Vec<u32>, Option<MailboxOffset>) {
    let left = bus.read_undelivered(&mailbox(), after).await.unwrap();
    (left.iter().map(|(_, message)| number(message)).collect(), left.last().map(|(mark, _)| *mark))
}

async fn are_those_of_the_messages_returned(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..200).await;
    assert_eq!(reader.offset(), None, "nothing has been returned yet, however much was read ahead");
    let marks = read_marks(&mut reader, 200).await;
    assert!(marks.is_sorted_by(|earlier, later| earlier < later), "in the order of the messages");
    reader.ack();
    holds(&bus, 0).await;
    let next = bus.open(mailbox()).await.unwrap();
    assert_eq!(next.offset(), None, "what another owner read does not count");
}

async fn keep_what_lies_behind_them(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..10).await;
    let marks = read_marks(&mut reader, 8).await;
    reader.ack_through(marks[4]);
    holds(&bus, 5).await;
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 5..10).await;
}

async fn count_by_place_whenever_they_come(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..10).await;
    let marks = read_marks(&mut reader, 10).await;
    for place in [2, 0, 6, 6, 3, 1] {
        reader.ack_through(marks[place]);
    }
    holds(&bus, 3).await;
    // A mark of what is gone by now takes nothing with it.
    reader.ack_through(marks[5]);
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 7..10).await;
}

async fn bound_what_one_owner_after_the_other_does(bus: Bus) {
    let mut first = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..6).await;
    let marks = read_marks(&mut first, 4).await;
    first.ack_through(marks[1]);
    drop(first);
    holds(&bus, 4).await;
    let mut second = bus.open(mailbox()).await.unwrap();
    reads(&mut second, 2..4).await;
    let mark = second.offset().unwrap();
    reads(&mut second, 4..6).await;
    second.ack_through(mark);
    drop(second);
    holds(&bus, 2).await;
    reads(&mut bus.open(mailbox()).await.unwrap(), 4..6).await;
}

async fn leave_an_estate_untouched(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..5).await;
    reads(&mut reader, 0..2).await;
    for _ in 0..2 {
        assert_eq!(left(&bus, None).await.0, [0, 1, 2, 3, 4], "read ahead or returned, it is not done");
    }
    reads(&mut reader, 2..5).await;
    reader.ack();
    holds(&bus, 0).await;
    assert_eq!(left(&bus, None).await, (Vec::new(), None));
}

async fn show_an_estate_piece_by_piece(bus: Bus) {
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..3).await;
    let marks = read_marks(&mut reader, 3).await;
    drop(reader);
    let (numbers, cursor) = left(&bus, Some(marks[0])).await;
    assert_eq!(numbers, [1, 2], "a place that its owner noted will do");
    assert_eq!(left(&bus, cursor).await, (Vec::new(), None));
    // Stragglers, of senders that do not know yet.
    post_all(&bus, 3..5).await;
    assert_eq!(left(&bus, cursor).await.0, [3, 4]);
    assert_eq!(left(&bus, None).await.0, [0, 1, 2, 3, 4]);
}

async fn show_an_estate_of_many_pages(bus: Bus) {
    drop(bus.open(mailbox()).await.unwrap());
    post_all(&bus, 0..1500).await;
    let (numbers, cursor) = left(&bus, None).await;
    assert!(numbers.into_iter().eq(0..1500));
    post_all(&bus, 1500..1501).await;
    assert_eq!(left(&bus, cursor).await.0, [1500]);
}

async fn show_nothing_in_a_mailbox_that_is_not_there(bus: Bus) {
    assert_eq!(left(&bus, None).await, (Vec::new(), None));
    let mut reader = bus.open(mailbox()).await.unwrap();
    post_all(&bus, 0..1).await;
    reads(&mut reader, 0..1).await;
    let mark = reader.offset();
    bus.close(&mailbox()).await.unwrap();
    assert_eq!(left(&bus, mark).await, (Vec::new(), None));
    let other = bus::topic::Mailbox::Edge(ServiceId::from("edge-2"));
    assert!(bus.read_undelivered(&other, mark).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mean_nothing_once_redis_has_lost_the_mailbox() {
    let server = Server::start();
    let bus = server.bus().await;
    let mut reader = bus.open(mailbox()).await.unwrap();
    // As if the clock of the old Redis had been ahead.
    let nonsense = format!("XADD {} 9999999999999-0 foo bar", mailbox().key());
    let _: String = server.command(&nonsense).await;
    post_all(&bus, 0..1).await;
    let old = read_marks(&mut reader, 1).await[0];
    let _: () = server.command("FLUSHALL").await;
    eventually("it is made anew", async || bus.post(&mailbox(), &numbered(0)).await.is_ok()).await;
    post_all(&bus, 1..4).await;
    let new = read_marks(&mut reader, 3).await;
    assert!(old < new[0]);
    reader.ack_through(old);
    reader.ack_through(new[1]);
    reader.ack_through(old);
    holds(&bus, 2).await;
    drop(reader);
    reads(&mut bus.open(mailbox()).await.unwrap(), 2..4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pass_over_nonsense_in_an_estate_which_its_owner_buries() {
    let server = Server::start();
    let bus = server.bus().await;
    drop(bus.open(mailbox()).await.unwrap());
    post_all(&bus, 0..1).await;
    let _: String = server.command(&format!("XADD {} * foo bar", mailbox().key())).await;
    post_all(&bus, 1..2).await;
    assert_eq!(left(&bus, None).await.0, [0, 1]);
    assert!(bus.tail(Log::Dead, 10).await.unwrap().is_empty());
    let mut reader = bus.open(mailbox()).await.unwrap();
    reads(&mut reader, 0..2).await;
    assert_eq!(bus.tail(Log::Dead, 10).await.unwrap().len(), 1);
}
