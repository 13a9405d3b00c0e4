//! Media on published ports, with `docker-compose.public.yml`: for browsers that cannot reach containers.

use super::calls::Call;
use super::cluster::{Cluster, ONE, Scale, compose_with};
use std::collections::BTreeMap;
use std::net::UdpSocket;

/// Counts the answers from each address that Janus named. On the host of the containers, media may use a
/// container's own address, which Janus does not name.
const ANSWERS: &str = "return (async () => {
    const stats = new Map(await window.demo.pc.getStats());
    const answers = {};
    for (const pair of [...stats.values()].filter((it) => it.type === 'candidate-pair')) {
        const { address, candidateType } = stats.get(pair.remoteCandidateId);
        if (candidateType !== 'prflx') answers[address] = (answers[address] ?? 0) + pair.responsesReceived;
    }
    return answers;
})()";

/// An address of this machine other than loopback.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Connecting sends nothing. The system only chooses the source address.
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
        page.until("receives only the public address, and answers from it", async || {
            let answers: BTreeMap<String, u64> = page.evaluate(ANSWERS).await;
            answers.len() == 1 && answers.get(&address).is_some_and(|count| *count > 0)
        })
        .await;
    }
    call.expect_media().await;
    call.end().await;
}
