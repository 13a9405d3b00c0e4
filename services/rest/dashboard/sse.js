// Parses server-sent events out of text in pieces of any size. It reads `event` and `data` only. An event that
// exceeds `MAX_EVENT` characters is an error.

const MAX_EVENT = 16 * 1024 * 1024;

export class EventParser {
  #incomplete = "";

  /** Adds text; returns the events that are complete, as `{ event, data }`. */
  push(text) {
    const blocks = (this.#incomplete + text).replace(/\r\n?/g, "\n").split("\n\n");
    this.#incomplete = blocks.pop();
    if (this.#incomplete.length > MAX_EVENT) throw new Error("an event exceeds its limit");
    return blocks.map(parseBlock).filter(({ data }) => data !== null);
  }
}

function parseBlock(block) {
  const fields = block.split("\n").map((line) => line.match(/^(event|data)(?:: ?(.*))?$/s)).filter(Boolean);
  const values = (name) => fields.filter(([, field]) => field === name).map(([, , value]) => value ?? "");
  const data = values("data");
  return { event: values("event").at(-1) || "message", data: data.length ? data.join("\n") : null };
}
