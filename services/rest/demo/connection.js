// The road to the server: one websocket, one session, one handle, and requests with their answers.
//
// When the socket drops, a new one claims the session, so that a call goes on; what was to be sent
// meanwhile waits. Only when the session is gone too does everything begin anew, and `ready` says so.

const PROTOCOL = "janus-protocol";
const PLUGIN = "janus.plugin.videocall";
const KEEPALIVE_EVERY = 25_000;
const PATIENCE = 20_000;
const OPENING = 8_000;
const LONGEST_PAUSE = 5_000;
const OUTBOX = 200;
const NO_SUCH_SESSION = 458;

/** Why a request was not done. `layer` is who says so: "core", "plugin" or "link" (nobody answered). */
export class Refusal extends Error {
  constructor(layer, code, reason) {
    super(reason);
    Object.assign(this, { layer, code, reason });
  }
}

const unique = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");

/** Resolves with an open socket; rejects when there is none, or it takes too long. */
function opened(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOL);
    const giveUp = setTimeout(() => socket.close(), OPENING);
    socket.onopen = () => { clearTimeout(giveUp); resolve(socket); };
    socket.onclose = () => { clearTimeout(giveUp); reject(new Refusal("link", 0, "unreachable")); };
  });
}

export class Connection {
  #url; #on; #timer; #keepalive;
  #socket = null; #session = null; #handle = null;
  #ready = false; #stopped = false; #opening = false; #failures = 0;
  #pending = new Map();
  #outbox = [];

  /** `on` has `ready({ resumed })`, `lost(error)`, `event(data, jsep)`, `trickle(candidate)`, `hangup(reason)`. */
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
    if (this.#session) this.#write({ janus: "destroy", session_id: this.#session, transaction: unique() });
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
    socket.onclose = () => this.#drop(socket);
  }

  async #greet() {
    const socket = this.#socket;
    try {
      const resumed = await this.#claim();
      if (!resumed) await this.#begin();
      this.#failures = 0;
      this.#ready = true;
      this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_EVERY);
      for (const text of this.#outbox.splice(0)) socket.send(text);
      this.#on.ready({ resumed });
    } catch (error) {
      this.#drop(socket, error);
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
    this.#outbox = [];
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

  #request(body) {
    return this.#ask({ ...body, session_id: this.#session, handle_id: this.#handle }, this.#ready);
  }

  #ask(body, now = true) {
    const transaction = unique();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(transaction)?.reject(new Refusal("link", 0, "silent")), PATIENCE);
      this.#pending.set(transaction, { resolve, reject, timer, event: body.janus === "message" });
      this.#write({ ...body, transaction }, now);
    });
  }

  #write(body, now = true) {
    const text = JSON.stringify(body);
    if (now && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
    else if (!now && this.#outbox.length < OUTBOX) this.#outbox.push(text);
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
    if (waiting && !waiting.event) return this.#settle(transaction).resolve(message);
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

  #drop(socket, error = new Refusal("link", 0, "lost")) {
    if (!socket || socket !== this.#socket) return;
    this.#socket = null;
    this.#ready = false;
    clearInterval(this.#keepalive);
    socket.onclose = socket.onmessage = null;
    socket.close();
    this.#again(error);
  }

  #again(error) {
    if (this.#stopped) return;
    this.#on.lost(error);
    // A socket that has no address to go to will have none later.
    if (error instanceof DOMException) return;
    const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.start(), pause * (0.5 + Math.random() / 2));
  }
}
