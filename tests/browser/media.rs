//! The media that a page receives and the ICE connection it uses, as reported by its PeerConnection.

use super::page::Page;
use serde::Deserialize;

/// Enough to exclude a picture that froze at its first frames, and a sound of half a second.
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

/// The fragment of Janus is the latest one in the description. The page's own belongs to the candidate in
/// use.
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

/// The ICE user name fragments in use: the page's and that of Janus.
#[derive(Debug, Deserialize)]
pub struct Ice(String, String);

impl Page {
    /// Waits until much more picture and sound of the other side has arrived.
    pub async fn expect_audio_and_video(&self) {
        let before = self.received().await;
        self.until("receives audio and video", async || {
            let now = self.received().await;
            now.frames >= before.frames + FRAMES && now.packets >= before.packets + PACKETS
        })
        .await;
    }

    /// Waits until much more sound has arrived, in a call without video.
    pub async fn expect_audio(&self) {
        let before = self.received().await;
        self.until("receives audio", async || self.received().await.packets >= before.packets + PACKETS)
            .await;
        assert_eq!(self.received().await.frames, 0);
    }

    /// Waits for a picture of that aspect ratio. A busy browser changes the size, but keeps the ratio.
    pub async fn expect_aspect_ratio(&self, square: bool) {
        self.until(&format!("sees a square: {square}"), async || {
            let now = self.received().await;
            now.width > 0 && (now.width == now.height) == square
        })
        .await;
    }

    pub async fn ice(&self) -> Ice {
        self.evaluate(ICE).await
    }

    /// Waits until media flows over an ICE connection with new fragments on both ends.
    pub async fn expect_new_ice(&self, old: &Ice) {
        self.until(&format!("has another ICE connection than {old:?}"), async || {
            let Ice(own, janus) = self.ice().await;
            !own.is_empty() && !janus.is_empty() && own != old.0 && janus != old.1
        })
        .await;
    }

    async fn received(&self) -> Received {
        self.evaluate(RECEIVED).await
    }
}
