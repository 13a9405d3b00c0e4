// At most one call, from its start to its end.
//
// A call is an object. After each await, code compares its call with the current one, so that a late result of an
// old call does not affect the next. The server sends the end of a call up to three times, always before it
// announces the next call. Until then every hangup belongs to the old call.

import { Peer } from "./peer.js";
import { capture, hasCamera, release } from "./media.js";
import * as view from "./view.js";
import * as messages from "./messages.js";

const MAX_EARLY_CANDIDATES = 100;
const NOT_REGISTERED = 473;

export class Calls {
  /** The current call, or null. */
  now = null;
  /** Candidates of a call that has not been announced yet. */
  #early = [];
  #server;
  #page;

  /** `page` has `name()`, `loseName()` and `refresh(text, tone)`. */
  constructor(server, page) {
    this.#server = server;
    this.#page = page;
  }

  get state() {
    if (this.now.answered) return "incall";
    return this.now.direction === "in" ? "ringing" : "calling";
  }

  // Actions of the user.

  async place(who) {
    if (who === this.#page.name()) return view.say(messages.yourself, "bad");
    const call = this.#begin(who, "out");
    this.#page.refresh();
    try {
      if (!(await this.#capture(call))) return;
      view.say(`Calling ${who}…`);
      this.#connect(call);
      const offer = await call.peer.offer(call.media);
      if (this.now === call) await this.#send(call, offer);
    } catch (error) {
      if (this.now === call) this.#giveUp(error);
    }
  }

  async accept() {
    const call = this.now;
    try {
      if (!(await this.#capture(call))) return;
      view.say("Connecting…");
      this.#connect(call);
      const answer = await call.peer.answer(call.offer, call.media);
      if (this.now !== call) return;
      const reply = this.#server.accept(answer);
      call.peer.release();
      await reply;
      if (this.now === call) this.#answered();
    } catch (error) {
      if (this.now === call) this.#onAcceptFailed(error);
    }
  }

  /** Ends the call, and sends a hangup if the server knows of the call. */
  hangUp(text, { reason, tone } = {}) {
    const isKnown = this.now.sent || this.now.direction === "in";
    this.finish(text, tone, isKnown ? this.#sendHangup(reason) : undefined);
  }

  /** Turns our microphone ("audio") or camera ("video") off or on; true when it is off then. */
  toggle(kind) {
    const track = this.now?.media?.getTracks().find((one) => one.kind === kind);
    if (track) track.enabled = !track.enabled;
    return track?.enabled === false;
  }

  // Events of the server.

  incoming({ username }, offer) {
    if (this.now?.announced) return;
    const early = this.now?.peer?.takeCandidates() ?? this.#early;
    // Both users called each other at the same time: the other call was first, and ours is refused.
    if (this.now) this.finish();
    this.#early = early;
    this.#begin(username, "in", offer);
    this.#page.refresh(`${username} is calling you.`);
  }

  async accepted(jsep) {
    const call = this.now;
    if (!call || call.direction !== "out" || call.answered || !jsep) return;
    call.announced = true;
    this.#answered();
    try {
      await call.peer.describe(jsep);
    } catch (error) {
      if (this.now === call) this.hangUp(messages.failure(error, call.who), { tone: "bad" });
    }
  }

  async renegotiate(jsep) {
    const call = this.now;
    if (!call?.peer || !jsep) return;
    if (jsep.type !== "offer") return call.peer.describe(jsep);
    const answer = await call.peer.renegotiate(jsep);
    if (this.now === call) await this.#server.answer(answer);
  }

  ended({ username, reason }) {
    const { now } = this;
    if (!now?.announced) return;
    if (username !== undefined && username !== now.who && username !== now.me) return;
    this.finish(messages.ended(now, reason), now.answered && !messages.isBroken(reason) ? "plain" : "bad");
  }

  candidate(one) {
    if (this.now?.peer) this.now.peer.remote(one);
    else if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(one);
  }

  /** The state of the call, as text for the user. */
  describe() {
    if (!this.now.answered) return "Connected again.";
    const audioOnly = hasCamera(this.now.media) ? "" : " No camera was found; you can only be heard.";
    return `In a call with ${this.now.who}.${audioOnly}`;
  }

  /** Closes the PeerConnection after `hangup`: one that closes earlier looks like a crash to Janus. */
  finish(text, tone, hangup = Promise.resolve()) {
    const { peer, media } = this.now;
    this.now = null;
    this.#early = [];
    hangup.finally(() => peer?.close());
    release(media);
    view.clearCall();
    this.#page.refresh(text, tone);
  }

  // Steps of the above.

  #begin(who, direction, offer = null) {
    this.now = {
      who, direction, offer, me: this.#page.name(),
      announced: direction === "in", answered: false, sent: false, peer: null, media: null,
    };
    view.other(who);
    view.presence("");
    return this.now;
  }

  /** Opens camera and microphone for this call; false if the call ended in the meantime. */
  async #capture(call) {
    view.say("Your browser is asking whether this page may use camera and microphone…");
    const media = await capture();
    if (this.now !== call) {
      release(media);
      return false;
    }
    call.media = media;
    view.local(media);
    return true;
  }

  #connect(call) {
    const ifCurrent = (work) => (value) => this.now === call && work(value);
    call.peer = new Peer({
      candidate: ifCurrent((candidate) => this.#server.trickle(candidate).catch(() => {})),
      picture: ifCurrent(view.remote),
      state: ifCurrent((state) => this.#onConnectionState(state)),
    });
    for (const candidate of this.#early.splice(0)) call.peer.remote(candidate);
  }

  #onConnectionState(state) {
    if (state === "failed") this.hangUp(messages.broken, { tone: "bad" });
    else if (state === "disconnected") view.say(messages.weak, "bad");
    else if (state === "connected" && this.now.answered) view.say(this.describe(), "good");
  }

  async #send(call, offer) {
    call.sent = true;
    const reply = this.#server.call(call.who, offer);
    call.peer.release();
    const result = await reply;
    if (this.now !== call) return;
    if (result.event === "hangup") return this.finish(messages.ended(call, result.reason), "bad");
    call.announced = true;
    // `accepted` may arrive before the reply to `call`.
    if (!call.answered) view.say(`Ringing at ${call.who}…`);
  }

  #answered() {
    this.now.answered = true;
    view.time(Date.now());
    this.#page.refresh(this.describe(), "good");
  }

  #giveUp(error) {
    const { who, sent } = this.now;
    if (error.code === NOT_REGISTERED) this.#page.loseName();
    const hangup = error.layer === "link" && sent ? this.#sendHangup() : undefined;
    this.finish(messages.failure(error, who), "bad", hangup);
  }

  /** Without permission for the camera the call keeps ringing: the user may grant it and accept again. */
  #onAcceptFailed(error) {
    const text = messages.failure(error, this.now.who);
    if (this.now.peer) this.hangUp(text, { tone: "bad" });
    else view.say(text, "bad");
  }

  #sendHangup(reason) {
    const answer = this.#server.hangup(reason).catch(() => {});
    return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
}
