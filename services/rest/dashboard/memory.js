// What one frame alone does not say: who has gone since, who repeats itself, what has grown. Pure: a
// memory and a frame give the next memory. Times are this page's own, so that no other clock matters.
//
// Bounds: one entry a service that is there, `DEPARTED` that have gone, and the frames of `LIMITS.window`.

import { LIMITS } from "./limits.js";

const DEPARTED = 100;

/** A memory of nothing. */
export function nothing() {
  return { at: null, services: new Map(), departed: [], dead: { added: null, grown: [] }, frames: [] };
}

/** What is remembered when this frame came at `now`. */
export function remember(memory, frame, now) {
  // While nobody looked, nobody knows who was silent.
  const unseen = memory.at === null || now - memory.at > LIMITS.window;
  const services = new Map(frame.services.map((service) => [service.id, heard(memory.services.get(service.id), service, now, unseen)]));
  return {
    at: now,
    services,
    departed: departed(memory, services, now, unseen),
    dead: dead(memory.dead, frame, now),
    frames: [...memory.frames.filter((old) => now - old.now <= LIMITS.window), { now, frame }],
  };
}

function heard(before, service, now, unseen) {
  const repeats = before && before.service.announced === service.announced && !unseen;
  return { service, first: before?.first ?? now, heard: repeats ? before.heard : now };
}

function departed(memory, services, now, unseen) {
  const gone = [...memory.services.values()].filter(({ service }) => !services.has(service.id));
  const left = gone.map((one) => ({ ...one, at: now, how: how(one, now, unseen) }));
  const lately = ({ at, how, service }) => !services.has(service.id) && now - at < (how === "died" ? LIMITS.died : LIMITS.stopped);
  return [...memory.departed, ...left].filter(lately).slice(-DEPARTED);
}

function how({ service, heard }, now, unseen) {
  if (unseen || service.state === "stopping") return "stopped";
  return now - heard > LIMITS.farewell ? "died" : "stopped";
}

function dead({ added, grown }, frame, now) {
  const road = frame.roads.find(({ key }) => key === "sb:dead");
  const total = road?.added ?? 0;
  const more = added !== null && total > added ? [{ at: now, by: total - added }] : [];
  return { added: total, grown: [...grown.filter(({ at }) => now - at < LIMITS.givenUp), ...more] };
}

/** For how long a service has not said that it is there, as far as this page has seen; null unknown. */
export function silence(memory, service, now) {
  const known = memory.services.get(service.id);
  return known && service.announced ? now - known.heard : null;
}

/** Services that died, and in whose place no other of their kind has come since. */
export function missing(memory) {
  const replaced = (died) => [...memory.services.values()].some(({ service, first }) => service.kind === died.service.kind && first > died.heard);
  return memory.departed.filter((one) => one.how === "died" && !replaced(one));
}

/** How many messages were given up lately. */
export function givenUp(memory) {
  return memory.dead.grown.reduce((sum, { by }) => sum + by, 0);
}

/** Messages a second on each road, in and out, since the oldest frame that is remembered; empty at first. */
export function rates(memory) {
  const [first, last] = [memory.frames[0]?.frame, memory.frames.at(-1)?.frame];
  const seconds = first ? (last.at - first.at) / 1000 : 0;
  if (seconds <= 0) return new Map();
  const before = new Map(first.roads.map((road) => [road.key, road]));
  return new Map(last.roads.map((road) => [road.key, rate(before.get(road.key), road, seconds)]));
}

/** A road that was made anew counts from nothing; of one that was not seen before nobody knows. */
function rate(before, now, seconds) {
  if (!before) return { in: null, out: null };
  const old = before.added <= now.added ? before : { added: 0, length: 0 };
  const added = now.added - old.added;
  const done = Math.max(0, added - (now.length - old.length));
  return { in: added / seconds, out: now.kind === "log" ? null : done / seconds };
}
