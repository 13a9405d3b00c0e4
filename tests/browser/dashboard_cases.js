// What the pure parts of the dashboard make of what they are told: a case each, by its name.

import { judge, worst } from "/dashboard/judge.js";
import { pause } from "/dashboard/feed.js";
import { LIMITS } from "/dashboard/limits.js";
import { givenUp, missing, nothing, rates, remember } from "/dashboard/memory.js";
import { ownerOf, shortName, wayOf } from "/dashboard/roads.js";
import { canBe } from "/dashboard/secret.js";
import { Events } from "/dashboard/sse.js";
import { count, duration, number, perSecond } from "/dashboard/words.js";

const AT = 1_795_333_128_000;

const service = (id, more) => ({ id, kind: id.split("-")[0], version: "1", host: "h", since: 5, announced: 7, load: {}, ...more });
const queue = (key, more) => ({ key, kind: "queue", length: 0, added: 0, oldest_ms: null, pending: 0, consumers: 1, ...more });
const mailbox = (key, more) => ({ key, kind: "mailbox", length: 0, added: 0, oldest_ms: null, pending: null, consumers: null, ...more });
const backend = (name, more) => ({ name, url: "ws://h", status: "normal", health: "it takes calls", calls: 0, handles: 0, drained: false, served_by: "connector-1", ...more });
const everybody = () => ["edge-1", "router-1", "connector-1", "rest-1"].map((id) => service(id));

function frame(more) {
  const calls = { now: 0, recent: { since: 0, rang: 0, answered: 0, ended: 0, reasons: {}, mean_duration_ms: null } };
  return { at: AT, roads: [], services: everybody(), backends: [backend("a")], calls, ...more };
}

/** A frame in which everybody has just said that he is there, and these have not. */
const alive = (place, more = []) => frame({ services: [...everybody().map((one) => ({ ...one, announced: AT + place })), ...more] });

/** What is found in the last of these frames, a second apart. */
function after(frames, every = 1_000) {
  let [memory, now] = [nothing(), AT];
  let findings = [];
  for (const seen of frames) {
    memory = remember(memory, seen, now);
    findings = judge(seen, memory, now);
    now += every;
  }
  return { findings, memory, said: findings.map(({ level, what }) => `${level}: ${what}`) };
}

const said = (...frames) => after(frames).said;
const times = (many, make) => Array.from({ length: many }, (_, place) => make(place));
const road = (one) => said(frame({ roads: [one] }));
const server = (more) => said(frame({ backends: [backend("a"), backend("b", more)] }));

const cases = {
  "a cluster where all is in order has no findings": () => {
    same(said(frame()), []);
    same(worst([]), "good");
  },
  "the oldest message of a road makes it slow, then stuck": () => {
    for (const make of [queue.bind(null, "sb:{requests:1}"), mailbox.bind(null, "sb:{backend:a}")]) {
      const name = shortName(make().key);
      same(road(make({ length: 9, oldest_ms: LIMITS.slow })), []);
      same(road(make({ length: 9, oldest_ms: LIMITS.slow + 1 })), [`warn: Road ${name} is slow`]);
      same(road(make({ length: 9, oldest_ms: LIMITS.stuck + 1 })), [`bad: Road ${name} is stuck`]);
      same(road(make({ length: 0, oldest_ms: 99_000 })), []);
    }
  },
  "a proxy of another make may take its time": () => {
    same(road(queue("sb:{peers}", { length: 1, oldest_ms: 8_000 })), []);
    same(road(queue("sb:{peers}", { length: 1, oldest_ms: 10_000 })), ["warn: Road peers is slow"]);
    same(road(queue("sb:{peers}", { length: 1, oldest_ms: 16_000 })), ["bad: Road peers is stuck"]);
  },
  "a queue that nobody works on is said before it is old": () => {
    same(road(queue("sb:{requests:0}", { length: 1, oldest_ms: 3, consumers: 0 })), ["bad: Nobody works on road requests:0"]);
    same(road(queue("sb:{requests:0}", { consumers: 0 })), []);
  },
  "the mailbox of an edge that is gone waits for its heirs": () => {
    same(road(mailbox("sb:{edge-9}", { length: 2, oldest_ms: 9_000 })), ["warn: edge-9 is gone, its messages are not"]);
    same(road(mailbox("sb:{edge-9}")), []);
  },
  "a log is never slow": () => same(road({ key: "sb:calls", kind: "log", length: 9, added: 9, oldest_ms: null, pending: null, consumers: null }), []),
  "messages that are given up while somebody looks are said": () => {
    const dead = (added) => frame({ roads: [{ key: "sb:dead", kind: "log", length: added, added, oldest_ms: null, pending: null, consumers: null }] });
    same(said(dead(7), dead(7)), []);
    same(said(dead(7), dead(9)), ["bad: Messages were given up"]);
    same(said(frame(), dead(1)), ["bad: Messages were given up"]);
    same(givenUp(after([dead(7), dead(9), dead(10)]).memory), 3);
    same(after([dead(7), dead(9), ...times(400, (place) => ({ ...dead(9), services: alive(place).services }))]).said, []);
  },
  "a service that does not say that it is there is silent": () => {
    const still = service("router-2", { announced: 3 });
    same(after(times(11, (place) => alive(place, [still]))).said, []);
    same(after(times(12, (place) => alive(place, [still]))).said, ["bad: router-2 is silent"]);
    same(after(times(12, (place) => alive(place, [service("router-2", { announced: 0 })]))).said, []);
  },
  "while nobody looked nobody was silent": () => {
    same(after(times(12, () => frame()), LIMITS.window + 1).said, []);
  },
  "one that leaves after a silence has died, one that leaves at once has stopped": () => {
    const gone = (silent) => after([...times(silent, (place) => alive(place, [service("edge-2")])), alive(100)]);
    same(gone(14).said, ["bad: edge-2 has died"]);
    same(gone(4).said, []);
    same(gone(4).memory.departed.map(({ how }) => how), ["stopped"]);
  },
  "one that died is not missed when another came in its place": () => {
    const frames = times(14, (place) => alive(place, [service("edge-2"), ...(place > 5 ? [service("edge-3", { announced: place })] : [])]));
    const { said, memory } = after([...frames, alive(100, [service("edge-3", { announced: 99 })])]);
    same(said, []);
    same([memory.departed.length, missing(memory).length], [1, 0]);
  },
  "each kind of service is missed when none of it runs": () => {
    const without = (kind) => said(frame({ services: everybody().filter((one) => one.kind !== kind) }));
    same(without("edge"), ["bad: No edge runs"]);
    same(without("router"), ["bad: No router runs"]);
    same(without("connector"), ["bad: No connector runs"]);
    same(without("rest"), []);
    same(said(frame({ services: [], backends: [] })).length, 4);
  },
  "a service says itself that it is not ready, or stops": () => {
    const having = (more) => after([frame({ services: [...everybody(), service("edge-2", more)] })]).findings[0];
    const { level, what, more } = having({ state: "not ready", complaint: "bus: refused" });
    same([level, what, more], ["bad", "edge-2 is not ready", "bus: refused"]);
    same(having({ state: "stopping" }).level, "note");
    same(having({ state: "ready" }), undefined);
  },
  "a Janus server has a word for each state": () => {
    same(server({}), []);
    same(server({ status: "abnormal" }), ["bad: Janus b fails"]);
    same(server({ status: "unserved", served_by: null }), ["bad: Janus b is not served"]);
    same(server({ served_by: null }), ["bad: Janus b is not served"]);
    same(server({ status: "maintenance" }), ["warn: Janus b is in maintenance"]);
    same(server({ status: "high_water" }), ["warn: Janus b is full"]);
    same(server({ drained: true }), ["warn: Janus b is drained"]);
    same(server({ drained: true, status: "unserved" }), ["warn: Janus b is drained"]);
    same(server({ probe_ms: 1_001 }), ["warn: Janus b answers late"]);
    same(server({ probe_ms: null }), []);
  },
  "that no Janus server takes calls is said first": () => {
    same(said(frame({ backends: [] })), ["bad: There is no Janus server"]);
    same(said(frame({ backends: [backend("a", { drained: true })] })), ["bad: No Janus server takes calls", "warn: Janus a is drained"]);
  },
  "calls ring late when one in a hundred does, of enough": () => {
    const setup = (setup_ms) => said(frame({ calls: { now: 0, recent: { ...frame().calls.recent, setup_ms } } }));
    same(setup({ p50: 3, p99: 1_001, count: 10 }), ["warn: Calls ring late"]);
    same(setup({ p50: 3, p99: 1_001, count: 9 }), []);
    same(setup({ p50: 3, p99: 1_000, count: 99 }), []);
    same(setup({ p50: null, p99: null, count: 0 }), []);
  },
  "the worst comes first": () => {
    const seen = frame({ backends: [backend("a"), backend("b", { drained: true })], roads: [queue("sb:{requests:0}", { length: 1, oldest_ms: 7_000 })] });
    same(said(seen), ["bad: Road requests:0 is stuck", "warn: Janus b is drained"]);
    same(worst(after([seen]).findings), "bad");
  },
  "a rate is taken over some frames, and never of what was not seen": () => {
    const seen = (seconds, added, length) => ({ ...frame({ roads: [queue("sb:{peers}", { added, length })] }), at: AT + seconds * 1_000 });
    const rate = (...frames) => rates(after(frames).memory).get("sb:{peers}");
    same(rate(seen(0, 100, 0)), undefined);
    same(rate(seen(0, 100, 0), seen(2, 120, 4)), { in: 10, out: 8 });
    same(rate(seen(0, 100, 9), seen(2, 4, 0)), { in: 2, out: 2 });
    same(rate(frame(), seen(2, 100, 0)), { in: null, out: null });
    same(after(times(60, (place) => seen(place, place * 3, 0))).memory.frames.length, 6);
  },
  "a road is known by its key": () => {
    const services = [service("kitchen", { kind: "rest" })];
    const way = (kind, key) => wayOf({ key, kind }, services);
    same(way("queue", "sb:{requests:1}"), "requests");
    same(way("queue", "sb:{peers}"), "peers");
    same(way("mailbox", "sb:{backend:edge-1}"), "backend");
    same(way("mailbox", "sb:{edge-1}"), "edge");
    same(way("mailbox", "sb:{kitchen}"), "peers");
    same(way("log", "sb:dead"), "dead");
    same(ownerOf({ kind: "mailbox", key: "sb:{backend:a:{b}\n}" }), { backend: "a:{b}\n" });
  },
  "events come in pieces of any size": () => {
    const text = ": hello\n\ndata: 1\r\n\r\nevent: problem\ndata: {\ndata:}\n\nid: 7\n\ndata: no end";
    const whole = [{ event: "message", data: "1" }, { event: "problem", data: "{\n}" }];
    same(new Events().take(text), whole);
    const events = new Events();
    same([...text].flatMap((letter) => events.take(letter)), whole);
  },
  "attempts come further apart, up to a bound, and not all at once": () => {
    same([0, 1, 2, 3, 9, 99].map((attempt) => pause(attempt, 1)), [500, 1_000, 2_000, 4_000, 15_000, 15_000]);
    same(pause(1, 0), 500);
  },
  "a secret is what a header can say": () => {
    for (const good of ["x", "hunter2", "two words"]) same(canBe(good), true);
    for (const bad of ["", " ", "x ", "ключ", "a\nb"]) same(canBe(bad), false);
  },
  "numbers are as people read them": () => {
    same([3, 420, 12_345, 119_000, 120_000, 7_300_000, 200_000_000, null].map(duration), ["3 ms", "0.4 s", "12 s", "119 s", "2 min", "2 h", "2 days", "–"]);
    same([0, 0.44, 1, 9.94, 12.3, 1234, null].map(number), ["0", "0.4", "1", "9.9", "12", "1,234", "–"]);
    same([count(1, "call"), count(0, "call"), perSecond(0.5), perSecond(null)], ["1 call", "0 calls", "0.5/s", "–"]);
  },
};

function same(is, wanted) {
  const [one, other] = [JSON.stringify(is), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${one} is not ${other}`);
}

const failed = Object.entries(cases).flatMap(([name, run]) => {
  try {
    run();
    return [];
  } catch (error) {
    return [`${name}: ${error.message}`];
  }
});
document.getElementById("status").textContent = failed.join("\n") || `${Object.keys(cases).length} cases passed`;
document.body.dataset.state = failed.length ? "failed" : "passed";
