//! What a page receives from the other side, and over which ICE connection, as its PeerConnection tells it.

use super::page::Page;
use serde::Deserialize;

/// More than a picture that froze at its first frames, and sound of half a second.
const FRAMES: u64 = 40;
const PACKETS: u64 = 25;

const RECEIVED: &str = "return (async () => {
    const received = { frames: 0, packets: 0, width: 0, height: 0 };
    for (const [, it] of await (window.demo.pc?.getStats() ?? [])) {
        if (it.type !== 'inbound-rtp') continue;
        if (it.kind === 'audio') received.packets += it.packetsReceived ?? 0;
        else {
            received.frames += it.framesDecoded ?? 0;
            [received.width, received.height] = [it.frameWidth ?? 0, it.frameHeight ?? 0];
        }
    }
    return received;
})()";

/// The fragment of Janus is the one it named last; ours is that of the candidate in use.
const ICE: &str = "return (async () => {
    const stats = new Map(await (window.demo.pc?.getStats() ?? []));
    const transport = [...stats.values()].find((it) => it.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    const own = stats.get(pair?.localCandidateId)?.usernameFragment ?? '';
    const janus = window.demo.pc?.remoteDescription?.sdp.match(/a=ice-ufrag:(\\S+)/)?.[1] ?? '';
    return [own, janus];
})()";

#[derive(Deserialize)]
struct Received {
    frames: u64,
    packets: u64,
    width: u64,
    height: u64,
}

/// The user name fragments of an ICE connection in use: the page's and that of Janus.
#[derive(Debug, Deserialize)]
pub struct Ice(String, String);

impl Page {
    /// Waits until a good deal more of picture and sound of the other side has come.
    pub async fn sees_and_hears(&self) {
        let before = self.received().await;
        self.until("sees and hears the other side", async || {
            let now = self.received().await;
            now.frames >= before.frames + FRAMES && now.packets >= before.packets + PACKETS
        })
        .await;
    }

    /// Waits for a good deal more of sound, of a call that never had a picture.
    pub async fn only_hears(&self) {
        let before = self.received().await;
        self.until("hears the other side", async || {
            self.received().await.packets >= before.packets + PACKETS
        })
        .await;
        assert_eq!(self.received().await.frames, 0);
    }

    /// Waits for a picture as high as wide (or not): whatever size a busy browser sends, it keeps the shape.
    pub async fn sees_a_square(&self, square: bool) {
        self.until(&format!("sees a square: {square}"), async || {
            let now = self.received().await;
            now.width > 0 && (now.width == now.height) == square
        })
        .await;
    }

    pub async fn ice(&self) -> Ice {
        self.ask(ICE).await
    }

    /// Waits until media flows over an ICE connection of which both ends are new.
    pub async fn has_new_ice(&self, old: &Ice) {
        self.until(&format!("has another ICE connection than {old:?}"), async || {
            let Ice(own, janus) = self.ice().await;
            !own.is_empty() && !janus.is_empty() && own != old.0 && janus != old.1
        })
        .await;
    }

    async fn received(&self) -> Received {
        self.ask(RECEIVED).await
    }
}
