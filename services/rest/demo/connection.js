// The connection to the server: one websocket, one session, one handle, and requests with their replies.
//
// When the socket closes, a new one claims the session, so that a call continues. Requests that were queued are
// sent then, and candidates without a reply are sent again. If the session has expired, a new one is created:
// `ready` reports it, and pending requests are rejected.

const PROTOCOL = "janus-protocol";
const PLUGIN = "janus.plugin.videocall";
const KEEPALIVE_INTERVAL = 25_000;
const REQUEST_TIMEOUT = 20_000;
const CONNECT_TIMEOUT = 8_000;
const MIN_DELAY = 500;
const MAX_DELAY = 10_000;
const MAX_PENDING = 200;
const NO_SUCH_SESSION = 458;
/** Close code of a server that restarts; this one or another accepts connections at once. */
const SERVICE_RESTART = 1012;

/** Why a request failed. `layer` is where: Janus' "core", the "plugin", or the "link" (no reply). */
export class RequestError extends Error {
  constructor(layer, code, reason) {
    super(reason);
    Object.assign(this, { layer, code, reason });
  }
}

const newTransaction = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");

const linkError = (reason) => new RequestError("link", 0, reason);

/** Resolves with an open socket; rejects when the connection fails or exceeds `CONNECT_TIMEOUT`. */
function openSocket(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOL);
    const timer = setTimeout(() => socket.close(), CONNECT_TIMEOUT);
    socket.onopen = () => { clearTimeout(timer); resolve(socket); };
    socket.onclose = () => { clearTimeout(timer); reject(linkError("unreachable")); };
  });
}

export class Connection {
  #url; #on; #timer; #keepalive;
  #socket = null; #session = null; #handle = null;
  #ready = false; #stopped = false; #opening = false; #failures = 0;
  /** Requests without a reply by transaction, the oldest first; those without a timer are not sent yet. */
  #pending = new Map();

  /**
   * `on` has `ready({ resumed })`, `lost(error, delay)` (milliseconds until it retries, if it does),
   * `event(data, jsep)`, `trickle(candidate)`, `hangup(reason)`.
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  /** Connects, and reconnects whenever the connection is lost. Does nothing while connected. */
  async start() {
    if (this.#socket || this.#opening) return;
    clearTimeout(this.#timer);
    this.#opening = true;
    try {
      this.#use(await openSocket(this.#url));
    } catch (error) {
      return this.#retry(error);
    } finally {
      this.#opening = false;
    }
    await this.#open();
  }

  /** Destroys the session, so that the other party of a call is notified at once. */
  stop() {
    this.#stopped = true;
    const destroy = { janus: "destroy", session_id: this.#session, transaction: newTransaction() };
    if (this.#session) this.#socket?.send(JSON.stringify(destroy));
    this.#socket?.close();
  }

  /** A plugin request; resolves with the data of the event that replies to it. */
  message(body, jsep) {
    return this.#sessionRequest({ janus: "message", body, ...(jsep && { jsep }) });
  }

  /** Sends a local candidate; null means that there are no more. */
  trickle(candidate) {
    return this.#sessionRequest({ janus: "trickle", candidate: candidate ?? { completed: true } });
  }

  /** Replaces the handle by a new one; the old one releases its name. */
  async renew() {
    const detached = this.#sessionRequest({ janus: "detach" });
    // From here on the old handle's `detached` event is ignored.
    this.#handle = null;
    await detached;
    await this.#attach();
  }

  #use(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#read(JSON.parse(data));
    socket.onclose = ({ code }) => this.#drop(socket, linkError(code === SERVICE_RESTART ? "restart" : "lost"));
  }

  async #open() {
    const socket = this.#socket;
    try {
      const resumed = await this.#claim();
      if (!resumed) await this.#create();
      this.#failures = 0;
      this.#ready = true;
      this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_INTERVAL);
      const waiting = [...this.#pending];
      if (resumed) this.#resume(waiting);
      this.#on.ready({ resumed });
      // Last: by then the page has ended the old call and ignores these errors.
      if (!resumed) for (const [transaction] of waiting) this.#settle(transaction)?.reject(linkError("interrupted"));
    } catch (error) {
      this.#drop(socket, error);
    }
  }

  #resume(waiting) {
    for (const [transaction, request] of waiting) {
      if (!request.timer || request.kind === "trickle") this.#transmit(transaction, request);
    }
  }

  async #claim() {
    if (!this.#session || !this.#handle) return false;
    try {
      await this.#send({ janus: "claim", session_id: this.#session });
      return true;
    } catch (error) {
      if (error.code !== NO_SUCH_SESSION) throw error;
      return false;
    }
  }

  async #create() {
    this.#session = this.#handle = null;
    this.#session = (await this.#send({ janus: "create" })).data.id;
    await this.#attach();
  }

  async #attach() {
    const answer = await this.#send({ janus: "attach", session_id: this.#session, plugin: PLUGIN });
    this.#handle = answer.data.id;
  }

  async #keepAlive() {
    const socket = this.#socket;
    try {
      await this.#send({ janus: "keepalive", session_id: this.#session });
    } catch (error) {
      // The socket is silent, or its session has ended: neither can be used any more.
      this.#drop(socket, error);
    }
  }

  /** A request within the session; it survives the loss of the socket. */
  #sessionRequest(body) {
    return this.#send({ ...body, session_id: this.#session, handle_id: this.#handle }, true);
  }

  #send(body, survives = false) {
    const transaction = newTransaction();
    return new Promise((resolve, reject) => {
      if (survives && this.#pending.size >= MAX_PENDING) return reject(linkError("lost"));
      const request = { resolve, reject, survives, kind: body.janus, text: JSON.stringify({ ...body, transaction }) };
      this.#pending.set(transaction, request);
      if (!survives || this.#ready) this.#transmit(transaction, request);
    });
  }

  #transmit(transaction, request) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(request.text);
    request.timer ??= setTimeout(() => this.#settle(transaction)?.reject(linkError("silent")), REQUEST_TIMEOUT);
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
      return this.#settle(transaction)?.reject(new RequestError("core", message.error.code, message.error.reason));
    }
    if (waiting && waiting.kind !== "message") return this.#settle(transaction).resolve(message);
    if (waiting && janus === "event") return this.#settle(transaction).resolve(message.plugindata.data);
    if (janus === "timeout" && message.session_id === this.#session) return this.#reset();
    if (message.sender === this.#handle && this.#handle) this.#dispatch(message);
  }

  #dispatch({ janus, plugindata, jsep, candidate, reason }) {
    if (janus === "event") this.#on.event(plugindata.data, jsep);
    if (janus === "trickle") this.#on.trickle(candidate);
    if (janus === "hangup") this.#on.hangup(reason);
    if (janus === "detached") this.#reset();
  }

  /** The server ended the session or its handle: create new ones. */
  #reset() {
    this.#session = this.#handle = null;
    this.#drop(this.#socket);
  }

  #drop(socket, error = linkError("lost")) {
    if (!socket || socket !== this.#socket) return;
    this.#socket = null;
    this.#ready = false;
    clearInterval(this.#keepalive);
    socket.onclose = socket.onmessage = null;
    socket.close();
    for (const [transaction, { survives }] of [...this.#pending]) if (!survives) this.#settle(transaction).reject(error);
    this.#retry(error);
  }

  #retry(error) {
    if (this.#stopped) return;
    // An invalid address stays invalid.
    if (error instanceof DOMException) return this.#on.lost(error);
    const ceiling = Math.min(MAX_DELAY, MIN_DELAY * 2 ** this.#failures++);
    // Jitter: many pages may have lost the same server.
    const delay = error.reason === "restart" ? MIN_DELAY * Math.random() : ceiling * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.start(), delay);
    this.#on.lost(error, delay);
  }
}
