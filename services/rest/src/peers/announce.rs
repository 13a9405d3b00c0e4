//! Tells other proxies where ours can be asked: the `api_base_url` of the cluster, written into the
//! directory every [`PERIOD`]. Of several rest services any may be asked, so the last word stands; one
//! that stops takes nothing back, since others may live, and the record ends by itself after a minute.

use crate::options::ProxyUrl;
use directory::Directory;
use service::CancellationToken;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// As often as janus-cloud does.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(10);
/// Where packets to the world would leave; janus-cloud asks for the way to the same. Nothing is sent.
const PUBLIC_ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::new(8, 8, 8, 8), 80);

/// Until shutdown.
pub(super) async fn announce(
    url: Option<ProxyUrl>,
    address: SocketAddr,
    directory: Directory,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(ANNOUNCE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        // The machine may get another address while this runs.
        let url = url.as_ref().map_or_else(|| url_of(address), |url| url.as_str().to_owned());
        if let Err(error) = directory.announce_proxy(&url).await {
            tracing::warn!(%error, "peers could not be told where to ask");
        }
        if told != url {
            tracing::info!(%url, "peers are told to ask there");
            told = url;
        }
    }
}

fn url_of(address: SocketAddr) -> String {
    let address = match address.ip().is_unspecified() {
        true => SocketAddr::new(outgoing_address().unwrap_or(Ipv4Addr::LOCALHOST.into()), address.port()),
        false => SocketAddr::new(address.ip().to_canonical(), address.port()),
    };
    format!("http://{address}{}", ProxyUrl::DEFAULT_PATH)
}

/// This machine's address as others see it.
fn outgoing_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(PUBLIC_ADDRESS).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_told_an_address_they_can_use() {
        let told = |address: &str| url_of(address.parse().unwrap());
        assert_eq!(told("10.0.0.1:8080"), "http://10.0.0.1:8080/plugins/videocall");
        assert_eq!(told("[fd00::1]:80"), "http://[fd00::1]:80/plugins/videocall");
        assert_eq!(told("[::ffff:10.0.0.1]:80"), "http://10.0.0.1:80/plugins/videocall");
        for all in ["0.0.0.0:8080", "[::]:8080"] {
            assert!(!told(all).contains("0.0.0.0") && !told(all).contains("[::]"), "{}", told(all));
        }
    }
}
