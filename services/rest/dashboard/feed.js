// The live views, as server-sent events over `fetch`, since an EventSource cannot send a secret.
//
// It calls:
// * `on.onView(view)` for each view;
// * `on.onProblem(problem)` when the rest service cannot read the cluster's state;
// * `on.onLost(reason, delay)` when the connection fails; it retries after `delay` milliseconds;
// * `on.onDenied(wasSent)` when a secret is needed; then it stops until `start`.
//
// A connection that is silent for `SILENCE_TIMEOUT` is dropped. Retries back off to `MAX_DELAY`, with jitter, so that
// many pages do not reconnect at once. The server closes every connection after some minutes; then the feed reconnects
// without `onLost`.

import { EventParser } from "./sse.js";

const SILENCE_TIMEOUT = 8_000;
const MIN_DELAY = 500;
const MAX_DELAY = 15_000;

/** Milliseconds before an attempt, counted from 0; `random` is within 0 to 1. */
export function delay(attempt, random) {
  return Math.min(MAX_DELAY, MIN_DELAY * 2 ** attempt) * (0.5 + random / 2);
}

export class Feed {
  #url;
  #on;
  #secret = null;
  #running = null;
  #wake = () => {};

  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  /** Starts, or restarts, with this secret or none. */
  start(secret) {
    this.#running?.abort();
    this.#secret = secret;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  /** Makes the next attempt at once. */
  retryNow() {
    this.#wake();
  }

  async #run(signal) {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { events, reason, isDenied } = await this.#connect(signal);
      if (signal.aborted) return;
      if (isDenied) return this.#on.onDenied(this.#secret !== null);
      if (events) attempt = 0;
      const wait = delay(attempt, Math.random());
      if (reason) this.#on.onLost(reason, wait);
      await this.#sleep(wait);
    }
  }

  #sleep(milliseconds) {
    return new Promise((done) => {
      this.#wake = done;
      setTimeout(done, milliseconds);
    });
  }

  /** One connection until its end: how many events arrived, and why it failed, if it did. */
  async #connect(outer) {
    const attempt = new AbortController();
    const signal = AbortSignal.any([outer, attempt.signal]);
    let silence;
    const onData = () => {
      clearTimeout(silence);
      silence = setTimeout(() => attempt.abort(), SILENCE_TIMEOUT);
    };
    const received = { events: 0 };
    try {
      onData();
      const response = await fetch(this.#url, { headers: this.#headers(), cache: "no-store", signal });
      // 429: too many wrong secrets; the right one is accepted.
      if (response.status === 401 || response.status === 429) return { ...received, isDenied: true };
      if (!response.ok) return { ...received, reason: await problemOf(response) };
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      await this.#read(reader, onData, received);
      return { ...received, reason: received.events ? null : "The connection ended before the first event." };
    } catch (error) {
      return { ...received, reason: reasonOf(error, attempt.signal.aborted) };
    } finally {
      clearTimeout(silence);
      attempt.abort();
    }
  }

  #headers() {
    return this.#secret === null ? {} : { Authorization: `Bearer ${this.#secret}` };
  }

  async #read(reader, onData, received) {
    const parser = new EventParser();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      onData();
      for (const { event, data } of parser.push(value)) {
        received.events += 1;
        if (event === "problem") this.#on.onProblem(JSON.parse(data));
        else this.#on.onView(JSON.parse(data));
      }
    }
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return `The rest service refuses: ${problem.detail ?? `status ${response.status}`}.`;
}

function reasonOf(error, wasSilent) {
  if (wasSilent) return "The rest service sent nothing for a while.";
  if (error instanceof TypeError) return "The rest service cannot be reached.";
  console.error(error);
  return "The answer of the rest service cannot be read.";
}
