//! Paginated lists.

use crate::support::{RedisServer, call, edge, handle, owner, policy, register_now, saved};
use ::redis::TypedCommands;
use directory::Directory;
use directory::listing::{Cursor, ListedSession, MAX_PAGE, Page};
use directory::record::{FencingToken, RegisteredName, SaveRequest};
use protocol::SessionId;
use std::collections::BTreeSet;
use std::time::Duration;

on_both_stores! {
    every_name_is_on_one_page
    name_is_listed_with_owner
    sessions_are_listed_with_edge_and_absence
    calls_are_listed_until_they_end
    stored_session_state_is_readable
    empty_list_has_one_page
}

/// Reads all pages. Returns the items and the number of pages.
async fn walk<T>(limit: usize, mut page: impl AsyncFnMut(Cursor) -> Page<T>) -> (Vec<T>, usize) {
    let (mut all, mut at) = (Vec::new(), Cursor::default());
    for pages in 1..10_000 {
        let Page { items, malformed, next } = page(at).await;
        assert_eq!(malformed, 0);
        assert!(items.len() <= limit, "{} items", items.len());
        all.extend(items);
        match next {
            None => return (all, pages),
            // As an API client returns it.
            Some(next) => at = next.to_string().parse().unwrap(),
        }
    }
    panic!("the list does not end");
}

fn name(user: RegisteredName) -> String {
    match user {
        RegisteredName::Local(user) => user.username,
        RegisteredName::Foreign(user) => user.username,
    }
}

async fn names(directory: &Directory, limit: usize) -> (Vec<String>, usize) {
    let page = async |at| directory.users_page(at, limit).await.unwrap();
    let (users, pages) = walk(limit.clamp(1, MAX_PAGE), page).await;
    (users.into_iter().map(name).collect(), pages)
}

async fn every_name_is_on_one_page(directory: Directory) {
    for number in 0..2_500 {
        directory.grant_name(&format!("user {number}"), &owner(number), None).await.unwrap();
        directory.open_session(SessionId(number + 1), &edge(1), &policy()).await.unwrap();
    }
    let all: BTreeSet<String> = (0..2_500).map(|number| format!("user {number}")).collect();
    for limit in [7, 100, MAX_PAGE, 1_000_000] {
        let (found, pages) = names(&directory, limit).await;
        assert_eq!(found.len(), 2_500, "by {limit}: some are named twice, or not");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all, "by {limit}");
        assert!(pages >= 2_500 / limit.min(MAX_PAGE), "by {limit}: {pages}");
    }
    let none = directory.users_page(Cursor::default(), 0).await.unwrap();
    assert_eq!(none.items.len(), 1, "a page has at least one item");
}

async fn name_is_listed_with_owner(directory: Directory) {
    register_now(&directory, "älice *", &owner(1)).await;
    let page = directory.users_page(Cursor::default(), 10).await.unwrap();
    assert_eq!(page.next, None);
    let [user] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(user.owner(), Some(&owner(1)));
    assert_eq!(name(user.clone()), "älice *");
}

async fn sessions_are_listed_with_edge_and_absence(directory: Directory) {
    for number in 1..=5 {
        directory.open_session(SessionId(number), &edge(number % 2), &policy()).await.unwrap();
    }
    let client = Some("192.0.2.7".to_owned());
    let save =
        SaveRequest { away: Some(Duration::from_secs(7)), client: client.clone(), ..saved(SessionId(3)) };
    directory.save_sessions(&edge(1), &[save]).await.unwrap();
    let page = async |at| directory.sessions_page(at, 2).await.unwrap();
    let (mut sessions, pages) = walk(2, page).await;
    assert_eq!(pages, 3);
    sessions.sort_by_key(|session| session.session);
    for (ListedSession { session, edge: owner, away, client: from }, number) in sessions.iter().zip(1..=5) {
        assert_eq!(*from, client.clone().filter(|_| number == 3));
        assert_eq!((session.0, owner), (number, &edge(number % 2)));
        let seconds = away.map(|away| away.as_secs());
        assert_eq!(seconds.is_some_and(|seconds| (7..12).contains(&seconds)), number == 3, "{seconds:?}");
    }
}

async fn calls_are_listed_until_they_end(directory: Directory) {
    let calls: Vec<_> = (0..20).map(|number| call(("a", 2 * number), ("b", 2 * number + 1))).collect();
    for call in &calls {
        directory.open_call(call).await.unwrap();
    }
    directory.release_call(calls[7].id).await.unwrap();
    directory.end_call(calls[8].id, Some(FencingToken(1)), None).await.unwrap();
    let page = async |at| directory.calls_page(at, 3).await.unwrap();
    let (mut found, _) = walk(3, page).await;
    found.sort_by_key(|call| call.caller.owner.as_ref().map(|owner| owner.handle));
    let running: Vec<_> = calls.iter().enumerate().filter(|(at, _)| ![7, 8].contains(at)).collect();
    assert_eq!(
        found.iter().collect::<Vec<_>>(),
        running.into_iter().map(|(_, call)| call).collect::<Vec<_>>()
    );
}

async fn stored_session_state_is_readable(directory: Directory) {
    let session = handle(1).session;
    assert_eq!(directory.session_state(session).await.unwrap(), None);
    directory.open_session(session, &edge(1), &policy()).await.unwrap();
    assert_eq!(directory.session_state(session).await.unwrap(), None);
    directory.save_sessions(&edge(1), &[saved(session)]).await.unwrap();
    assert_eq!(directory.session_state(session).await.unwrap(), Some(saved(session).state));
}

async fn empty_list_has_one_page(directory: Directory) {
    let at = Cursor::default();
    assert_eq!(directory.users_page(at, 10).await.unwrap(), Page { items: vec![], malformed: 0, next: None });
    assert_eq!(
        directory.sessions_page(at, 10).await.unwrap(),
        Page { items: vec![], malformed: 0, next: None }
    );
    assert_eq!(directory.calls_page(at, 10).await.unwrap(), Page { items: vec![], malformed: 0, next: None });
}

#[tokio::test]
async fn page_scan_is_bounded_and_continues() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    let mut raw = server.raw();
    let mut pipe = ::redis::pipe();
    (0..120_000).for_each(|number| {
        pipe.set(format!("other:{number}"), "").ignore();
    });
    () = pipe.query(&mut raw).unwrap();
    register_now(&directory, "alice", &owner(1)).await;
    let page = async |at| directory.users_page(at, 10).await.unwrap();
    let (found, pages) = walk(10, page).await;
    assert_eq!(found.len(), 1);
    assert!(pages >= 3, "{pages}");
}

#[tokio::test]
async fn unknown_cursor_is_harmless() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice", &owner(1)).await;
    for cursor in ["18446744073709551615", "7-0", "1234567890123-18446744073709551615"] {
        let page = directory.users_page(cursor.parse().unwrap(), 10).await.unwrap();
        assert!(page.items.len() <= 1, "{page:?}");
    }
}

#[tokio::test]
async fn foreign_user_is_listed_without_owner() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    register_now(&directory, "alice", &owner(1)).await;
    let mut raw = server.raw();
    // A janus-cloud proxy overwrites its own fields in our record, and leaves ours.
    raw.hset("januscloud:videocall_users:alice", "proxy_uuid", "theirs").unwrap();
    raw.hset("januscloud:videocall_users:bob", "proxy_uuid", "theirs").unwrap();
    let page = directory.users_page(Cursor::default(), 10).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(page.items.iter().all(|user| user.owner().is_none()), "{page:?}");
}
