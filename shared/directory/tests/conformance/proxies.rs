//! Our own proxy's record.

use crate::support::{handle, name_of, ours, owner, register_now};
use directory::{Directory, OUR_PROXY};

on_both_stores! {
    renewal_keeps_announced_url
    renewal_works_without_url
    nothing_is_displaced_without_proxies
}

async fn renewal_keeps_announced_url(directory: Directory) {
    directory.announce_proxy("http://a:8100/plugins/videocall").await.unwrap();
    directory.renew_proxy().await.unwrap();
    let url = directory.proxy_url(OUR_PROXY).await.unwrap();
    assert_eq!(url.as_deref(), Some("http://a:8100/plugins/videocall"));
    directory.announce_proxy("http://b").await.unwrap();
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap().as_deref(), Some("http://b"));
    assert_eq!(directory.proxy_url("another").await.unwrap(), None);
}

async fn renewal_works_without_url(directory: Directory) {
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap(), None);
    directory.renew_proxy().await.unwrap();
    assert_eq!(directory.proxy_url(OUR_PROXY).await.unwrap().as_deref(), Some(""));
}

async fn nothing_is_displaced_without_proxies(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    assert!(!directory.revoke_displaced(handle(1), "alice").await.unwrap());
    directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(directory.user("alice").await.unwrap(), Some(ours("alice", owner(1))));
    assert_eq!(name_of(&directory, handle(1)).await.as_deref(), Some("alice"));
}
