// The views of the last seconds, and the rates of streams over that time. Pure.

/** How many milliseconds of views are kept. */
const WINDOW = 5_000;

/** The views with one more, without those that are too old. */
export function append(views, view, now) {
  return [...views.filter((old) => now - old.receivedAt <= WINDOW), { receivedAt: now, view }];
}

/** Messages a second on each stream by key, in and out, since the oldest view; empty at first. */
export function rates(views) {
  const [first, last] = [views[0]?.view, views.at(-1)?.view];
  const seconds = first ? (last.at - first.at) / 1000 : 0;
  if (seconds <= 0) return new Map();
  const before = new Map(first.streams.map((stream) => [stream.key, stream]));
  return new Map(last.streams.map((stream) => [stream.key, rate(before.get(stream.key), stream, seconds)]));
}

/** A stream that was created again counts from zero; one that was not there before has no rate yet. */
function rate(before, now, seconds) {
  if (!before) return { in: null, out: null };
  const old = before.added <= now.added ? before : { added: 0, length: 0 };
  const added = now.added - old.added;
  const done = Math.max(0, added - (now.length - old.length));
  return { in: added / seconds, out: now.kind === "log" ? null : done / seconds };
}
