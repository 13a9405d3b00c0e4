//! Concurrent operations on several threads.

use crate::support::{
    call, edge, handle, holder, name_of, owner, place, policy, register, register_now, request,
};
use common::{BackendName, ServiceId};
use directory::Directory;
use directory::record::{Call, ClaimOutcome, FencingToken, Owner};
use std::time::Duration;
use tokio::task::JoinSet;

on_both_stores! { threaded
    one_of_many_calls_gets_both_handles
    one_of_two_glare_calls_survives
    concurrent_registrations_leave_one_owner
    concurrent_acquires_leave_one_holder
    call_that_ends_during_setup_leaves_handles_idle
    one_of_many_opens_wins
    session_id_belongs_to_one_edge
    one_of_many_claims_wins
    handle_ends_up_with_its_session
    handle_removed_during_move_stays_removed
}

const CONCURRENT: u64 = 100;

async fn all<T: 'static>(tasks: JoinSet<T>) -> Vec<T> {
    tasks.join_all().await
}

async fn pair(directory: &Directory) {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
}

/// Places all calls at once. Returns those that got both handles.
async fn winners(directory: &Directory, calls: Vec<Call>) -> Vec<Call> {
    let mut tasks = JoinSet::new();
    for call in calls {
        let directory = directory.clone();
        tasks.spawn(async move { place(&directory, &call).await.then_some(call) });
    }
    all(tasks).await.into_iter().flatten().collect()
}

async fn one_wins(directory: &Directory, calls: Vec<Call>) {
    let winners = winners(directory, calls).await;
    let [winner] = &winners[..] else { panic!("not one winner: {winners:?}") };
    for number in [1, 2] {
        assert_eq!(directory.handle(handle(number)).await.unwrap().unwrap().call, Some(winner.id));
    }
    assert_eq!(directory.calls_on(&winner.backend).await.unwrap(), vec![winner.id]);
}

async fn one_of_many_calls_gets_both_handles(directory: Directory) {
    pair(&directory).await;
    one_wins(&directory, (0..CONCURRENT).map(|_| call(("alice", 1), ("bob", 2))).collect()).await;
}

async fn one_of_two_glare_calls_survives(directory: Directory) {
    pair(&directory).await;
    for _ in 0..30 {
        let (there, back) = (call(("alice", 1), ("bob", 2)), call(("bob", 2), ("alice", 1)));
        let ids = [there.id, back.id];
        one_wins(&directory, vec![there, back]).await;
        for id in ids {
            directory.release_call(id).await.unwrap();
        }
    }
}

async fn concurrent_registrations_leave_one_owner(directory: Directory) {
    let mut tasks = JoinSet::new();
    for number in 0..CONCURRENT {
        let (directory, owner) = (directory.clone(), owner(number));
        tasks.spawn(async move { register(&directory, "alice", &owner, request()).await });
    }
    assert!(all(tasks).await.iter().all(|claimed| *claimed == ClaimOutcome::Claimed));
    let owner = directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone();
    for number in 0..CONCURRENT {
        let expected = (handle(number) == owner.handle).then_some("alice");
        assert_eq!(name_of(&directory, handle(number)).await.as_deref(), expected);
    }
}

async fn concurrent_acquires_leave_one_holder(directory: Directory) {
    let mut last = FencingToken(0);
    for _ in 0..5 {
        let mut tasks = JoinSet::new();
        for number in 0..CONCURRENT {
            let (directory, holder) = (directory.clone(), ServiceId(format!("connector-{number}")));
            tasks.spawn(async move {
                let token =
                    directory.acquire_lease("backend:a", &holder, Duration::from_secs(60)).await.unwrap();
                token.map(|token| (holder, token))
            });
        }
        let holders: Vec<_> = all(tasks).await.into_iter().flatten().collect();
        let [(holder, token)] = &holders[..] else { panic!("not one holder: {holders:?}") };
        assert!(*token > last);
        last = *token;
        directory.release_lease("backend:a", holder).await.unwrap();
    }
}

async fn call_that_ends_during_setup_leaves_handles_idle(directory: Directory) {
    pair(&directory).await;
    for _ in 0..CONCURRENT {
        let call = call(("alice", 1), ("bob", 2));
        directory.open_call(&call).await.unwrap();
        let mut tasks = JoinSet::new();
        for (number, name) in [(1, "alice"), (2, "bob")] {
            let (directory, id) = (directory.clone(), call.id);
            tasks.spawn(async move {
                directory.acquire_handle(handle(number), name, id, "peer").await.unwrap();
            });
        }
        let (ending, id) = (directory.clone(), call.id);
        tasks.spawn(async move {
            ending.release_call(id).await.unwrap();
        });
        all(tasks).await;
        for number in [1, 2] {
            assert_eq!(directory.handle(handle(number)).await.unwrap().unwrap().call, None);
        }
    }
}

async fn one_of_many_opens_wins(directory: Directory) {
    let first = call(("alice", 1), ("bob", 2));
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let call = Call { backend: BackendName(format!("backend-{number}")), ..first.clone() };
        let directory = directory.clone();
        tasks.spawn(async move { directory.open_call(&call).await.unwrap() });
    }
    let opened = directory.call(first.id).await.unwrap();
    let returned = all(tasks).await;
    let stored = directory.call(first.id).await.unwrap().unwrap();
    assert!(opened.is_none_or(|opened| opened == stored));
    assert!(returned.iter().all(|call| *call == stored));
    let backends: Vec<_> = (0..10).map(|number| BackendName(format!("backend-{number}"))).collect();
    assert_eq!(directory.count_calls(&backends).await.unwrap().iter().sum::<u64>(), 1);
    assert_eq!(directory.count_calls(&[stored.backend]).await.unwrap(), vec![1]);
}

async fn session_id_belongs_to_one_edge(directory: Directory) {
    let session = owner(1).handle.session;
    let mut tasks = JoinSet::new();
    for number in 0..CONCURRENT {
        let (directory, Owner { edge, .. }) = (directory.clone(), Owner { edge: edge(number), ..owner(1) });
        tasks.spawn(async move {
            directory.open_session(session, &edge, &policy()).await.unwrap().then_some(edge)
        });
    }
    let edges: Vec<_> = all(tasks).await.into_iter().flatten().collect();
    assert_eq!(edges.len(), 1);
    for number in 0..CONCURRENT {
        let owned = directory.owned_by(&edge(number)).await.unwrap().1;
        assert_eq!(owned.len(), usize::from(edge(number) == edges[0]));
    }
}

async fn one_of_many_claims_wins(directory: Directory) {
    let session = handle(1).session;
    directory.open_session(session, &edge(0), &policy()).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 1..CONCURRENT {
        let directory = directory.clone();
        tasks.spawn(async move {
            let claimed = directory.claim_session(session, &edge(0), &edge(number)).await.unwrap();
            claimed.map(|_| number)
        });
    }
    let winners: Vec<_> = all(tasks).await.into_iter().flatten().collect();
    let [winner] = winners[..] else { panic!("not one winner: {winners:?}") };
    assert_eq!(holder(&directory, session).await, Some(edge(winner)));
    assert_eq!(directory.owned_by(&edge(0)).await.unwrap().1, vec![]);
    assert_eq!(directory.owned_by(&edge(winner)).await.unwrap().1, vec![session]);
}

/// All edges claim the session from its current owner and move the handle, at the same time.
async fn handle_ends_up_with_its_session(directory: Directory) {
    let session = handle(1).session;
    directory.open_session(session, &edge(1), &policy()).await.unwrap();
    register_now(&directory, "alice", &owner(1)).await;
    let mut tasks = JoinSet::new();
    for number in 2..CONCURRENT {
        let directory = directory.clone();
        tasks.spawn(async move {
            let from = holder(&directory, session).await.unwrap();
            if directory.claim_session(session, &from, &edge(number)).await.unwrap().is_some() {
                directory.move_handle(handle(1), Some("alice"), &from, &edge(number)).await.unwrap();
            }
        });
    }
    all(tasks).await;
    let holder = holder(&directory, session).await.unwrap();
    assert_ne!(holder, edge(1));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().edge, holder);
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone().edge, holder);
    assert_eq!(directory.owned_by(&holder).await.unwrap(), (vec![handle(1)], vec![session]));
}

async fn handle_removed_during_move_stays_removed(directory: Directory) {
    for _ in 0..CONCURRENT {
        register_now(&directory, "alice", &owner(1)).await;
        let mut tasks = JoinSet::new();
        for number in 2..6 {
            let directory = directory.clone();
            tasks.spawn(async move {
                directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(number)).await.unwrap();
            });
        }
        let removing = directory.clone();
        tasks.spawn(async move {
            removing.remove_handle(handle(1)).await.unwrap().unwrap();
        });
        all(tasks).await;
        assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    }
}
