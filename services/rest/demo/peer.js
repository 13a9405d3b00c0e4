// One PeerConnection, with candidates kept back on both sides until the other end can use them:
// ours until the description they belong to has been sent, theirs until theirs has been set.

export class Peer {
  #held = [];
  #released = false;
  #waiting = [];
  #send;

  /** `on` has `candidate(c)` (null: no more), `picture(stream)` and `state(connectionState)`. */
  constructor(on) {
    this.pc = new RTCPeerConnection();
    this.#send = on.candidate;
    const remote = new MediaStream();
    this.pc.onicecandidate = ({ candidate }) => this.#local(candidate);
    this.pc.ontrack = ({ track }) => { remote.addTrack(track); on.picture(remote); };
    this.pc.onconnectionstatechange = () => on.state(this.pc.connectionState);
  }

  async offer(stream) {
    this.#add(stream);
    for (const kind of ["audio", "video"]) {
      const has = stream.getTracks().some((track) => track.kind === kind);
      if (!has) this.pc.addTransceiver(kind, { direction: "recvonly" });
    }
    await this.pc.setLocalDescription();
    return this.#description();
  }

  async answer(offer, stream) {
    await this.describe(offer);
    this.#add(stream);
    return this.#answer();
  }

  /** Answers an offer in a call that is up already. */
  async renegotiate(offer) {
    await this.describe(offer);
    return this.#answer();
  }

  /** Sets the other end's description, and what was waiting for it. */
  async describe({ type, sdp }) {
    await this.pc.setRemoteDescription({ type, sdp });
    for (const candidate of this.#waiting.splice(0)) await this.#use(candidate);
  }

  /** A candidate of the other end, whenever it comes. */
  async remote(candidate) {
    if (this.pc.remoteDescription) await this.#use(candidate);
    else this.#waiting.push(candidate);
  }

  /** The candidates that wait for a description; they are no longer ours. */
  takeWaiting() { return this.#waiting.splice(0); }

  /** Our description is on its way: candidates may follow it. */
  release() {
    this.#released = true;
    for (const candidate of this.#held.splice(0)) this.#send(candidate);
  }

  close() {
    this.pc.onicecandidate = this.pc.ontrack = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  #add(stream) {
    for (const track of stream.getTracks()) this.pc.addTrack(track, stream);
  }

  async #answer() {
    await this.pc.setLocalDescription();
    return this.#description();
  }

  #description() {
    const { type, sdp } = this.pc.localDescription;
    return { type, sdp };
  }

  #local(candidate) {
    const plain = candidate?.candidate ? candidate.toJSON() : null;
    if (this.#released) this.#send(plain);
    else this.#held.push(plain);
  }

  async #use(candidate) {
    if (!candidate || candidate.completed) return;
    const { sdpMid, sdpMLineIndex } = candidate;
    try {
      // A server that does not know the mid yet leaves it out; everything is bundled on the first line.
      await this.pc.addIceCandidate({ candidate: candidate.candidate, sdpMid, sdpMLineIndex: sdpMLineIndex ?? 0 });
    } catch (error) {
      console.warn("a candidate was of no use", candidate, error);
    }
  }
}
