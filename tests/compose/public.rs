//! Media on published ports, with `docker-compose.public.yml`: for browsers that cannot reach containers.

use super::calls::Call;
use super::cluster::{Cluster, ONE, Scale, compose, compose_with};
use std::net::UdpSocket;

/// The address of the other end of the ICE connection in use.
const OTHER_END: &str = "return (async () => {
    const stats = new Map(await window.demo.pc.getStats());
    const transport = [...stats.values()].find((it) => it.type === 'transport');
    return stats.get(stats.get(transport.selectedCandidatePairId).remoteCandidateId).address;
})()";

/// An address of this machine that is not loopback.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: the system only chooses by which address it would be.
    socket.connect("198.51.100.1:9").unwrap();
    socket.local_addr().unwrap().ip().to_string()
}

#[tokio::test]
async fn media_flows_over_published_ports_of_three_janus_servers() {
    let cluster = Cluster::one_of_each().await;
    let address = own_address();
    let ports = |number: u16| (20_000 + number * 20, 20_019 + number * 20);
    let range = |number| {
        let (first, last) = ports(number);
        format!("{first}-{last}")
    };
    let variables = [
        ("JANUS_PUBLIC_IP", address.clone()),
        ("JANUS_1_PORTS", range(0)),
        ("JANUS_2_PORTS", range(1)),
        ("JANUS_3_PORTS", range(2)),
    ];
    let files = ["-f", "docker-compose.yml", "-f", "docker-compose.public.yml"];
    compose_with(&[&files[..], &["up", "-d"]].concat(), &variables).await;
    cluster.has(Scale { janus: 3, ..ONE }).await;
    let call = Call::between_browsers(&cluster).await;
    for page in [&call.alice, &call.bob] {
        assert_eq!(page.ask::<String>(OTHER_END).await, address);
    }
    call.goes_on().await;
    call.ends().await;
    drop(call);
    compose(&["up", "-d", "--remove-orphans"]).await;
}
