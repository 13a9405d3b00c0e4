// The requests of the VideoCall plugin. Each resolves with the `result` of its reply, or rejects
// with a RequestError that has the plugin's error code.

import { Connection, RequestError } from "./connection.js";

const ALREADY_REGISTERED = 477;

export class VideoCall {
  #connection;

  /** `on` has `ready`, `lost`, `trickle`, `hangup` as a Connection, and `event(result, jsep)`. */
  constructor(url, on) {
    const event = (data, jsep) => data.result && on.event(data.result, jsep);
    this.#connection = new Connection(url, { ...on, event });
  }

  start() { return this.#connection.start(); }
  stop() { this.#connection.stop(); }

  async register(username) {
    try {
      return await this.#request({ request: "register", username });
    } catch (error) {
      if (error.code !== ALREADY_REGISTERED) throw error;
      // A handle keeps its first name; another name needs another handle.
      await this.#connection.renew();
      return this.#request({ request: "register", username });
    }
  }

  /** Releases the name. */
  unregister() { return this.#connection.renew(); }

  async exists(username) { return (await this.#request({ request: "exists", username })).registered; }
  call(username, offer) { return this.#request({ request: "call", username }, offer); }
  accept(answer) { return this.#request({ request: "accept" }, answer); }
  answer(jsep) { return this.#request({ request: "set" }, jsep); }
  hangup(reason) { return this.#request({ request: "hangup", ...(reason && { reason }) }); }
  trickle(candidate) { return this.#connection.trickle(candidate); }

  async #request(body, jsep) {
    const data = await this.#connection.message(body, jsep);
    if (data.error_code) throw new RequestError("plugin", data.error_code, data.error);
    return data.result;
  }
}
