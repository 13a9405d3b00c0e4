// What is wrong with the cluster, by what it says of itself. Pure: a frame and what is remembered of those
// before it (memory.js) give findings, the worst first. `LIMITS` has the numbers, docs/operate.md what to do.
//
// A finding: `level` is "bad" (somebody is hurt: look now), "warn" (look soon) or "note" (as was wanted);
// `about` is the kind and the name of what it is about; `what` is a sentence without numbers that change, and `more`
// has these.

import { LIMITS } from "./limits.js";
import { givenUp, missing, silence } from "./memory.js";
import { ownerOf, shortName, wayOf } from "./roads.js";
import { count, duration } from "./words.js";

const ORDER = ["bad", "warn", "note", "good"];

/** All that is wrong, the worst first. */
export function judge(frame, memory, now) {
  const silent = (service) => (silence(memory, service, now) ?? 0) > LIMITS.silent;
  const findings = [
    ...missingKinds(frame.services, silent),
    ...backends(frame.backends),
    ...frame.services.flatMap((service) => judgeService(service, silent(service), silence(memory, service, now))),
    ...missing(memory).map(died(now)),
    ...frame.roads.flatMap((road) => judgeRoad(road, frame.services)),
    ...deadLetters(memory),
    ...lateCalls(frame.calls.recent.setup_ms),
  ];
  return findings.sort((one, other) => ORDER.indexOf(one.level) - ORDER.indexOf(other.level));
}

/** The level of the worst of these: "bad", "warn", or else "good". */
export function worst(findings) {
  return ["bad", "warn"].find((level) => findings.some((finding) => finding.level === level)) ?? "good";
}

/** Those about one thing. */
export const about = (findings, kind, name) => findings.filter((finding) => finding.about.kind === kind && finding.about.name === name);

const finding = (level, kind, name, what, more = "") => ({ level, about: { kind, name }, what, more });

// Services.

const NOBODY = {
  edge: ["No edge runs", "Clients cannot connect."],
  router: ["No router runs", "Nobody can register or call; calls that run go on."],
  connector: ["No connector runs", "No call can begin; calls that run go on."],
};

function missingKinds(services, silent) {
  const runs = (kind) => services.some((service) => service.kind === kind && !silent(service));
  return Object.entries(NOBODY).filter(([kind]) => !runs(kind)).map(([kind, [what, more]]) => finding("bad", "kind", kind, what, more));
}

function judgeService({ id, host, state, complaint }, isSilent, silence) {
  const where = host ? ` on ${host}` : "";
  if (isSilent) return [finding("bad", "service", id, `${id} is silent`, `Not heard of for ${duration(silence)}: it died, hangs or is cut off${where}.`)];
  if (state === "not ready") return [finding("bad", "service", id, `${id} is not ready`, complaint ?? `It runs${where} and does not say why.`)];
  if (state === "stopping") return [finding("note", "service", id, `${id} is stopping`, "It hands over or finishes its work.")];
  return [];
}

const died = (now) => ({ service, at }) =>
  finding("bad", "service", service.id, `${service.id} has died`, `Forgotten ${duration(now - at)} ago, without a goodbye${service.host ? `, on ${service.host}` : ""}.`);

// Backends.

function backends(all) {
  const takesCalls = ({ status, drained }) => status === "normal" && !drained;
  const none = all.length ? ["No Janus server takes calls", "No call can begin."] : ["There is no Janus server", "Tell a connector of one with --backend."];
  const findings = all.flatMap(judgeBackend);
  return all.some(takesCalls) ? findings : [finding("bad", "kind", "backend", ...none), ...findings];
}

function judgeBackend({ name, status, health, drained, calls, probe_ms: probe, served_by: holder }) {
  const say = (level, what, more) => [finding(level, "backend", name, `Janus ${name} ${what}`, more)];
  if (drained) return say("warn", "is drained", `It gets no new calls; ${count(calls, "call")} left.${status === "normal" ? "" : ` Besides: ${health}.`}`);
  if (status === "unserved" || !holder) return say("bad", "is not served", "No connector has it: no new calls, and what its calls say waits.");
  if (status === "maintenance") return say("warn", "is in maintenance", `It gets no new calls; ${count(calls, "call")} left.`);
  if (status === "high_water") return say("warn", "is full", "It is too busy for more calls.");
  if (status !== "normal") return say("bad", "fails", `It gets no new calls: ${health}.`);
  if (probe > LIMITS.probe) return say("warn", "answers late", `Its last probe took ${duration(probe)}.`);
  return [];
}

// Roads.

function judgeRoad(road, services) {
  const { key, kind, length, oldest_ms: oldest, consumers } = road;
  const name = shortName(key);
  if (kind === "log" || !length) return [];
  const owner = ownerOf(road);
  if (owner?.service && !services.some(({ id }) => id === owner.service)) {
    return [finding("warn", "road", key, `${name} is gone, its messages are not`, `${count(length, "message")} for its clients, until they connect to another one or their time is over.`)];
  }
  const [slow, stuck] = wayOf(road, services) === "peers" ? [LIMITS.peersSlow, LIMITS.peersStuck] : [LIMITS.slow, LIMITS.stuck];
  const more = `${count(length, "message")} waiting, the oldest for ${duration(oldest)}.${consumers === 0 ? " Nobody works on it." : ""}`;
  if (oldest > stuck) return [finding("bad", "road", key, `Road ${name} is stuck`, more)];
  if (consumers === 0) return [finding("bad", "road", key, `Nobody works on road ${name}`, more)];
  if (oldest > slow) return [finding("warn", "road", key, `Road ${name} is slow`, more)];
  return [];
}

function deadLetters(memory) {
  const lately = givenUp(memory);
  if (!lately) return [];
  return [finding("bad", "road", "sb:dead", "Messages were given up", `${count(lately, "message")} in the last ${duration(LIMITS.givenUp)}; the stream sb:dead has them, with the reason.`)];
}

// Calls.

function lateCalls(setup) {
  if (!setup || setup.count < LIMITS.setupCalls || !(setup.p99 > LIMITS.setup)) return [];
  return [finding("warn", "calls", "setup", "Calls ring late", `One in a hundred takes ${duration(setup.p99)} or more until it rings.`)];
}
