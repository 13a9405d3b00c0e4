// At most one call, from its first moment to its last.
//
// A call is an object; whatever waits for something compares it with the present one afterwards, so
// that nothing late of an old call touches the next. The server tells the end of a call up to three
// times, always before it announces the next one: until then hangups are the old call's.

import { Peer } from "./peer.js";
import { capture, hasCamera, release } from "./media.js";
import * as view from "./view.js";
import * as words from "./words.js";

const EARLY = 100;
const NOT_REGISTERED = 473;

export class Calls {
  /** The call there is, or null. */
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

  // What the user does.

  async place(who) {
    if (who === this.#page.name()) return view.say(words.yourself, "bad");
    const mine = this.#begin(who, "out");
    this.#page.refresh();
    try {
      if (!(await this.#equip(mine))) return;
      view.say(`Calling ${who}…`);
      this.#connect(mine);
      const offer = await mine.peer.offer(mine.media);
      if (this.now === mine) await this.#send(mine, offer);
    } catch (error) {
      if (this.now === mine) this.#giveUp(error);
    }
  }

  async accept() {
    const mine = this.now;
    try {
      if (!(await this.#equip(mine))) return;
      view.say("Connecting…");
      this.#connect(mine);
      const answer = await mine.peer.answer(mine.offer, mine.media);
      if (this.now !== mine) return;
      const reply = this.#server.accept(answer);
      mine.peer.release();
      await reply;
      if (this.now === mine) this.#answered();
    } catch (error) {
      if (this.now === mine) this.#acceptFailed(error);
    }
  }

  /** Ends the call ourselves and tells the server, if it knows of the call. */
  hangUp(text, { reason, tone } = {}) {
    const known = this.now.sent || this.now.direction === "in";
    this.finish(text, tone, known ? this.#tellHangup(reason) : undefined);
  }

  /** Turns our microphone ("audio") or camera ("video") off or on; true when it is off then. */
  toggle(kind) {
    const track = this.now?.media?.getTracks().find((one) => one.kind === kind);
    if (track) track.enabled = !track.enabled;
    return track?.enabled === false;
  }

  // What the server says.

  incoming({ username }, offer) {
    if (this.now?.announced) return;
    const early = this.now?.peer?.takeWaiting() ?? this.#early;
    // Two people who call each other at once: theirs was first, ours is refused.
    if (this.now) this.finish();
    this.#early = early;
    this.#begin(username, "in", offer);
    this.#page.refresh(`${username} is calling you.`);
  }

  async accepted(jsep) {
    const mine = this.now;
    if (!mine || mine.direction !== "out" || mine.answered || !jsep) return;
    mine.announced = true;
    this.#answered();
    try {
      await mine.peer.describe(jsep);
    } catch (error) {
      if (this.now === mine) this.hangUp(words.failure(error, mine.who), { tone: "bad" });
    }
  }

  async renegotiate(jsep) {
    const mine = this.now;
    if (!mine?.peer || !jsep) return;
    if (jsep.type !== "offer") return mine.peer.describe(jsep);
    const answer = await mine.peer.renegotiate(jsep);
    if (this.now === mine) await this.#server.answer(answer);
  }

  ended({ username, reason }) {
    const { now } = this;
    if (!now?.announced) return;
    if (username !== undefined && username !== now.who && username !== now.me) return;
    this.finish(words.ended(now, reason), now.answered && !words.isBroken(reason) ? "plain" : "bad");
  }

  candidate(one) {
    if (this.now?.peer) this.now.peer.remote(one);
    else if (this.#early.length < EARLY) this.#early.push(one);
  }

  /** How the call is, in words. */
  describe() {
    if (!this.now.answered) return "Connected again.";
    const heard = hasCamera(this.now.media) ? "" : " No camera was found; you can only be heard.";
    return `In a call with ${this.now.who}.${heard}`;
  }

  /** `told` is when the server knows: a PeerConnection that closes before looks like a crash. */
  finish(text, tone, told = Promise.resolve()) {
    const { peer, media } = this.now;
    this.now = null;
    this.#early = [];
    told.finally(() => peer?.close());
    release(media);
    view.clearCall();
    this.#page.refresh(text, tone);
  }

  // The parts of the above.

  #begin(who, direction, offer = null) {
    this.now = {
      who, direction, offer, me: this.#page.name(),
      announced: direction === "in", answered: false, sent: false, peer: null, media: null,
    };
    view.other(who);
    view.presence("");
    return this.now;
  }

  /** Camera and microphone for this call; false when the call ended meanwhile. */
  async #equip(mine) {
    view.say("Your browser is asking whether this page may use camera and microphone…");
    const media = await capture();
    if (this.now !== mine) {
      release(media);
      return false;
    }
    mine.media = media;
    view.local(media);
    return true;
  }

  #connect(mine) {
    const ifPresent = (work) => (value) => this.now === mine && work(value);
    mine.peer = new Peer({
      candidate: ifPresent((candidate) => this.#server.trickle(candidate).catch(() => {})),
      picture: ifPresent(view.remote),
      state: ifPresent((state) => this.#connectionIs(state)),
    });
    for (const candidate of this.#early.splice(0)) mine.peer.remote(candidate);
  }

  #connectionIs(state) {
    if (state === "failed") this.hangUp(words.broken, { tone: "bad" });
    else if (state === "disconnected") view.say(words.weak, "bad");
    else if (state === "connected" && this.now.answered) view.say(this.describe(), "good");
  }

  async #send(mine, offer) {
    mine.sent = true;
    const reply = this.#server.call(mine.who, offer);
    mine.peer.release();
    const result = await reply;
    if (this.now !== mine) return;
    if (result.event === "hangup") return this.finish(words.ended(mine, result.reason), "bad");
    mine.announced = true;
    // An answer may have overtaken the news that the call was placed.
    if (!mine.answered) view.say(`Ringing at ${mine.who}…`);
  }

  #answered() {
    this.now.answered = true;
    view.time(Date.now());
    this.#page.refresh(this.describe(), "good");
  }

  #giveUp(error) {
    const { who, sent } = this.now;
    if (error.code === NOT_REGISTERED) this.#page.loseName();
    const told = error.layer === "link" && sent ? this.#tellHangup() : undefined;
    this.finish(words.failure(error, who), "bad", told);
  }

  /** Without the leave to use a camera it goes on ringing: the user may give it, and accept again. */
  #acceptFailed(error) {
    const text = words.failure(error, this.now.who);
    if (this.now.peer) this.hangUp(text, { tone: "bad" });
    else view.say(text, "bad");
  }

  #tellHangup(reason) {
    const answer = this.#server.hangup(reason).catch(() => {});
    return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
}
