//! Our own record as a proxy among others.

use crate::support::{gives, handle, name_of, ours, owner};
use directory::{Directory, OUR_PROXY};

on_both_stores! {
    our_proxy_is_kept_where_it_was_announced
    our_proxy_is_kept_also_where_there_is_none
    without_peers_nobody_is_displaced
}

async fn our_proxy_is_kept_where_it_was_announced(directory: Directory) {
    directory.announce_proxy("http://a:8100/plugins/videocall").await.unwrap();
    directory.renew_proxy().await.unwrap();
    let url = directory.proxy_url(OUR_PROXY).await.unwrap();
    assert_eq!(url.as_deref(), Some("http://a:8100/plugins/videocall"));
    directory.announce_proxy("http://b").await.unwrap();
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap().as_deref(), Some("http://b"));
    assert_eq!(directory.proxy_url("another").await.unwrap(), None);
}

async fn our_proxy_is_kept_also_where_there_is_none(directory: Directory) {
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap(), None);
    directory.renew_proxy().await.unwrap();
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap().as_deref(), Some(""));
}

async fn without_peers_nobody_is_displaced(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    assert!(!directory.revoke_displaced(handle(1), "alice").await.unwrap());
    directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(directory.user("alice").await.unwrap(), Some(ours("alice", owner(1))));
    assert_eq!(name_of(&directory, handle(1)).await.as_deref(), Some("alice"));
}
