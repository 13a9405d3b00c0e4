// The live numbers, by server-sent events over `fetch`: an EventSource can show no secret.
//
// It tells `told.frame(frame)`, `told.problem(problem)` when the cluster cannot be looked at, `told.lost(why, pause)`
// when nothing comes any more and it will try again, and `told.denied(shown)` when a secret is wanted; then it
// rests until `start`. How it fails: a connection that says nothing for `SILENCE` is given up; attempts are
// `pause` apart, twice as long each time up to `LONGEST`, and never at the same moment for all who watch.
// A connection that the server ends in order is opened anew without a word: it lets none live for ever.

import { Events } from "./sse.js";

const SILENCE = 8_000;
const SHORTEST = 500;
const LONGEST = 15_000;

/** How long to wait before the attempt of that number, counted from 0; `chance` is within 0 to 1. */
export function pause(attempt, chance) {
  return Math.min(LONGEST, SHORTEST * 2 ** attempt) * (0.5 + chance / 2);
}

export class Feed {
  #url;
  #told;
  #secret = null;
  #running = null;
  #wake = () => {};

  constructor(url, told) {
    this.#url = url;
    this.#told = told;
  }

  /** Begins, or begins anew, with this secret or none. */
  start(secret) {
    this.#running?.abort();
    this.#secret = secret;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  /** Does not wait for the next attempt. */
  now() {
    this.#wake();
  }

  async #run(signal) {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { frames, why, denied } = await this.#listen(signal);
      if (signal.aborted) return;
      if (denied) return this.#told.denied(this.#secret !== null);
      if (frames) attempt = 0;
      const wait = pause(attempt, Math.random());
      if (why) this.#told.lost(why, wait);
      await this.#rest(wait);
    }
  }

  #rest(wait) {
    return new Promise((done) => {
      this.#wake = done;
      setTimeout(done, wait);
    });
  }

  /** One connection, from its beginning to its end: how many frames came, and why it ended if not in order. */
  async #listen(outer) {
    const attempt = new AbortController();
    const signal = AbortSignal.any([outer, attempt.signal]);
    let silent;
    const heard = () => {
      clearTimeout(silent);
      silent = setTimeout(() => attempt.abort(), SILENCE);
    };
    const seen = { frames: 0 };
    try {
      heard();
      const answer = await fetch(this.#url, { headers: this.#headers(), cache: "no-store", signal });
      if (answer.status === 401) return { ...seen, denied: true };
      if (!answer.ok) return { ...seen, why: await refusal(answer) };
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      await this.#read(reader, heard, seen);
      return { ...seen, why: seen.frames ? null : "The connection ended before it said anything." };
    } catch (error) {
      return { ...seen, why: excuse(error, attempt.signal.aborted) };
    } finally {
      clearTimeout(silent);
      attempt.abort();
    }
  }

  #headers() {
    return this.#secret === null ? {} : { Authorization: `Bearer ${this.#secret}` };
  }

  async #read(reader, heard, seen) {
    const events = new Events();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      heard();
      for (const { event, data } of events.take(value)) {
        seen.frames += 1;
        if (event === "problem") this.#told.problem(JSON.parse(data));
        else this.#told.frame(JSON.parse(data));
      }
    }
  }
}

async function refusal(answer) {
  const problem = await answer.json().catch(() => ({}));
  return `The rest service refuses: ${problem.detail ?? `status ${answer.status}`}.`;
}

function excuse(error, wasSilent) {
  if (wasSilent) return "The rest service said nothing for a while.";
  if (error instanceof TypeError) return "The rest service cannot be reached.";
  console.error(error);
  return "What the rest service said makes no sense.";
}
