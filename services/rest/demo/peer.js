// One PeerConnection. It holds local candidates until the local description has been sent, and remote candidates
// until the remote description has been set.

export class Peer {
  #localCandidates = [];
  #released = false;
  #remoteCandidates = [];
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
    this.#addTracks(stream);
    for (const kind of ["audio", "video"]) {
      const has = stream.getTracks().some((track) => track.kind === kind);
      if (!has) this.pc.addTransceiver(kind, { direction: "recvonly" });
    }
    await this.pc.setLocalDescription();
    return this.#localDescription();
  }

  async answer(offer, stream) {
    await this.describe(offer);
    this.#addTracks(stream);
    return this.#createAnswer();
  }

  /** Answers an offer in an established call. */
  async renegotiate(offer) {
    await this.describe(offer);
    return this.#createAnswer();
  }

  /** Sets the remote description, then adds the candidates that were held for it. */
  async describe({ type, sdp }) {
    await this.pc.setRemoteDescription({ type, sdp });
    for (const candidate of this.#remoteCandidates.splice(0)) await this.#addCandidate(candidate);
  }

  /** Adds a remote candidate, or holds it. */
  async remote(candidate) {
    if (this.pc.remoteDescription) await this.#addCandidate(candidate);
    else this.#remoteCandidates.push(candidate);
  }

  /** Removes and returns the remote candidates that are held. */
  takeCandidates() { return this.#remoteCandidates.splice(0); }

  /** The local description has been sent: sends the candidates that were held. */
  release() {
    this.#released = true;
    for (const candidate of this.#localCandidates.splice(0)) this.#send(candidate);
  }

  close() {
    this.pc.onicecandidate = this.pc.ontrack = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  #addTracks(stream) {
    for (const track of stream.getTracks()) this.pc.addTrack(track, stream);
  }

  async #createAnswer() {
    await this.pc.setLocalDescription();
    return this.#localDescription();
  }

  #localDescription() {
    const { type, sdp } = this.pc.localDescription;
    return { type, sdp };
  }

  #local(candidate) {
    const json = candidate?.candidate ? candidate.toJSON() : null;
    if (this.#released) this.#send(json);
    else this.#localCandidates.push(json);
  }

  async #addCandidate(candidate) {
    if (!candidate || candidate.completed) return;
    const { sdpMid, sdpMLineIndex } = candidate;
    try {
      // A server may omit `sdpMLineIndex`; all media are bundled on the first line.
      await this.pc.addIceCandidate({ candidate: candidate.candidate, sdpMid, sdpMLineIndex: sdpMLineIndex ?? 0 });
    } catch (error) {
      console.warn("failed to add a candidate", candidate, error);
    }
  }
}
