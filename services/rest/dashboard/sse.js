// Server-sent events out of the text they come as, in pieces of any size. Pure but for what is left over.
// Only `event` and `data` are read; a piece of a message is bounded by `LONGEST`, past which it is an error.

const LONGEST = 16 * 1024 * 1024;

export class Events {
  #rest = "";

  /** The messages that are whole with this text, as `{ event, data }`. */
  take(text) {
    const blocks = (this.#rest + text).replace(/\r\n?/g, "\n").split("\n\n");
    this.#rest = blocks.pop();
    if (this.#rest.length > LONGEST) throw new Error("an event without an end");
    return blocks.map(message).filter(({ data }) => data !== null);
  }
}

function message(block) {
  const fields = block.split("\n").map((line) => line.match(/^(event|data)(?:: ?(.*))?$/s)).filter(Boolean);
  const values = (name) => fields.filter(([, field]) => field === name).map(([, , value]) => value ?? "");
  const data = values("data");
  return { event: values("event").at(-1) || "message", data: data.length ? data.join("\n") : null };
}
