// The road to the server: one websocket, one session, one handle, and requests with their answers.
//
// When the socket drops, a new one claims the session, so that a call goes on. What was to be sent
// meanwhile is sent then, and candidates of which nobody knows whether they arrived are sent again.
// Only when the session is gone too does everything begin anew: `ready` says so, and what was under
// way is refused.

const PROTOCOL = "janus-protocol";
const PLUGIN = "janus.plugin.videocall";
const KEEPALIVE_EVERY = 25_000;
const PATIENCE = 20_000;
const OPENING = 8_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
const MOST_WAITING = 200;
const NO_SUCH_SESSION = 458;
/** The server is being restarted; another one, or the same, is there for us at once. */
const SERVICE_RESTART = 1012;

/** Why a request was not done. `layer` is who says so: "core", "plugin" or "link" (nobody answered). */
export class Refusal extends Error {
  constructor(layer, code, reason) {
    super(reason);
    Object.assign(this, { layer, code, reason });
  }
}

const unique = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");

const link = (reason) => new Refusal("link", 0, reason);

/** Resolves with an open socket; rejects when there is none, or it takes too long. */
function opened(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOL);
    const giveUp = setTimeout(() => socket.close(), OPENING);
    socket.onopen = () => { clearTimeout(giveUp); resolve(socket); };
    socket.onclose = () => { clearTimeout(giveUp); reject(link("unreachable")); };
  });
}

export class Connection {
  #url; #on; #timer; #keepalive;
  #socket = null; #session = null; #handle = null;
  #ready = false; #stopped = false; #opening = false; #failures = 0;
  /** Requests without an answer by transaction, the oldest first; those without a timer wait to be sent. */
  #pending = new Map();

  /**
   * `on` has `ready({ resumed })`, `lost(error, pause)` (milliseconds until it tries again, if it does),
   * `event(data, jsep)`, `trickle(candidate)`, `hangup(reason)`.
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  /** Connects now, and again whenever the connection is lost. Does nothing while connected. */
  async start() {
    if (this.#socket || this.#opening) return;
    clearTimeout(this.#timer);
    this.#opening = true;
    try {
      this.#adopt(await opened(this.#url));
    } catch (error) {
      return this.#again(error);
    } finally {
      this.#opening = false;
    }
    await this.#greet();
  }

  /** Ends the session at once, so that a peer need not wait for us. */
  stop() {
    this.#stopped = true;
    const goodbye = { janus: "destroy", session_id: this.#session, transaction: unique() };
    if (this.#session) this.#socket?.send(JSON.stringify(goodbye));
    this.#socket?.close();
  }

  /** A plugin request; resolves with the data of the event that answers it. */
  message(body, jsep) {
    return this.#request({ janus: "message", body, ...(jsep && { jsep }) });
  }

  /** A local candidate; null says that there will be no more. */
  trickle(candidate) {
    return this.#request({ janus: "trickle", candidate: candidate ?? { completed: true } });
  }

  /** A fresh handle in place of the present one, which gives up its name. */
  async renew() {
    const detached = this.#request({ janus: "detach" });
    // From here on it is not ours: its `detached` event is no surprise.
    this.#handle = null;
    await detached;
    await this.#attach();
  }

  #adopt(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#read(JSON.parse(data));
    socket.onclose = ({ code }) => this.#drop(socket, link(code === SERVICE_RESTART ? "restart" : "lost"));
  }

  async #greet() {
    const socket = this.#socket;
    try {
      const resumed = await this.#claim();
      if (!resumed) await this.#begin();
      this.#failures = 0;
      this.#ready = true;
      this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_EVERY);
      const waiting = [...this.#pending];
      if (resumed) this.#resume(waiting);
      this.#on.ready({ resumed });
      // Last, so that the page has ended the old call by then and does not mind.
      if (!resumed) for (const [transaction] of waiting) this.#settle(transaction)?.reject(link("interrupted"));
    } catch (error) {
      this.#drop(socket, error);
    }
  }

  #resume(waiting) {
    for (const [transaction, asked] of waiting) {
      if (!asked.timer || asked.kind === "trickle") this.#send(transaction, asked);
    }
  }

  async #claim() {
    if (!this.#session || !this.#handle) return false;
    try {
      await this.#ask({ janus: "claim", session_id: this.#session });
      return true;
    } catch (error) {
      if (error.code !== NO_SUCH_SESSION) throw error;
      return false;
    }
  }

  async #begin() {
    this.#session = this.#handle = null;
    this.#session = (await this.#ask({ janus: "create" })).data.id;
    await this.#attach();
  }

  async #attach() {
    const answer = await this.#ask({ janus: "attach", session_id: this.#session, plugin: PLUGIN });
    this.#handle = answer.data.id;
  }

  async #keepAlive() {
    const socket = this.#socket;
    try {
      await this.#ask({ janus: "keepalive", session_id: this.#session });
    } catch (error) {
      // Neither a silent socket nor one without a session is any good.
      this.#drop(socket, error);
    }
  }

  /** A request of the session, which outlives the socket. */
  #request(body) {
    return this.#ask({ ...body, session_id: this.#session, handle_id: this.#handle }, true);
  }

  #ask(body, lasts = false) {
    const transaction = unique();
    return new Promise((resolve, reject) => {
      if (lasts && this.#pending.size >= MOST_WAITING) return reject(link("lost"));
      const asked = { resolve, reject, lasts, kind: body.janus, text: JSON.stringify({ ...body, transaction }) };
      this.#pending.set(transaction, asked);
      if (!lasts || this.#ready) this.#send(transaction, asked);
    });
  }

  #send(transaction, asked) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(asked.text);
    asked.timer ??= setTimeout(() => this.#settle(transaction)?.reject(link("silent")), PATIENCE);
  }

  #settle(transaction) {
    const waiting = this.#pending.get(transaction);
    this.#pending.delete(transaction);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #read(message) {
    const { janus, transaction } = message;
    const waiting = this.#pending.get(transaction);
    if (janus === "error") {
      return this.#settle(transaction)?.reject(new Refusal("core", message.error.code, message.error.reason));
    }
    if (waiting && waiting.kind !== "message") return this.#settle(transaction).resolve(message);
    if (waiting && janus === "event") return this.#settle(transaction).resolve(message.plugindata.data);
    if (janus === "timeout" && message.session_id === this.#session) return this.#forget();
    if (message.sender === this.#handle && this.#handle) this.#tell(message);
  }

  #tell({ janus, plugindata, jsep, candidate, reason }) {
    if (janus === "event") this.#on.event(plugindata.data, jsep);
    if (janus === "trickle") this.#on.trickle(candidate);
    if (janus === "hangup") this.#on.hangup(reason);
    if (janus === "detached") this.#forget();
  }

  /** The session or its handle has ended without us: begin anew. */
  #forget() {
    this.#session = this.#handle = null;
    this.#drop(this.#socket);
  }

  #drop(socket, error = link("lost")) {
    if (!socket || socket !== this.#socket) return;
    this.#socket = null;
    this.#ready = false;
    clearInterval(this.#keepalive);
    socket.onclose = socket.onmessage = null;
    socket.close();
    for (const [transaction, { lasts }] of [...this.#pending]) if (!lasts) this.#settle(transaction).reject(error);
    this.#again(error);
  }

  #again(error) {
    if (this.#stopped) return;
    // A socket that has no address to go to will have none later.
    if (error instanceof DOMException) return this.#on.lost(error);
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures++);
    // Many pages may have lost the same server: they come back one after the other.
    const pause = error.reason === "restart" ? FIRST_PAUSE * Math.random() : longest * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.start(), pause);
    this.#on.lost(error, pause);
  }
}
