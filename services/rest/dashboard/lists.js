// The rows of the tables: streams, Janus servers, services. Fields that an older cluster does not tell have
// no column.

import { about, worst } from "./judge.js";
import { silence } from "./memory.js";
import { shortName } from "./roads.js";
import { count, duration, number, perSecond } from "./words.js";

const num = (name) => ({ name, kind: "number" });
const named = (name) => ({ name, kind: "named" });
const tells = (items, field) => items.some((item) => item[field] !== undefined && item[field] !== null);

/** Columns and rows of the streams. */
export function roads({ roads }, rates, findings) {
  const again = tells(roads, "redelivered");
  const columns = [named("Stream"), { name: "Kind" }, num("In"), num("Out"), num("Waiting"), num("Oldest"), num("Taken"), num("Workers")];
  if (again) columns.push(num("Given again"));
  const row = (road) => {
    const rate = rates.get(road.key) ?? {};
    const waits = road.kind === "log" ? `${number(road.length)} kept` : number(road.length);
    const cells = [shortName(road.key), road.kind, perSecond(rate.in), perSecond(rate.out), waits, duration(road.oldest_ms), number(road.pending), number(road.consumers)];
    return { key: road.key, level: worst(about(findings, "road", road.key)), cells: again ? [...cells, number(road.redelivered)] : cells };
  };
  return [columns, roads.map(row), "No stream is there yet."];
}

/** Columns and rows of the Janus servers. */
export function backends({ backends }, findings) {
  const probes = tells(backends, "probe_ms");
  const columns = [named("Name"), { name: "State" }, num("Calls"), num("Handles"), named("Served by")];
  if (probes) columns.push(num("Probe"));
  const row = (backend) => {
    const cells = [backend.name, standing(backend), number(backend.calls), number(backend.handles), backend.served_by ?? "nobody"];
    return { key: backend.name, level: worst(about(findings, "backend", backend.name)), cells: probes ? [...cells, duration(backend.probe_ms)] : cells };
  };
  return [columns, backends.map(row), "No connector serves a Janus server."];
}

function standing({ status, health, drained, calls }) {
  if (!drained) return health;
  const drains = calls ? "drains: its calls go on, it gets no new ones" : "drained: it may be stopped";
  return status === "normal" ? drains : `${drains}; ${health}`;
}

/** Columns and rows of the services, with those that have gone. */
export function services({ services, at }, memory, findings, now) {
  const columns = [named("Service"), { name: "State", kind: "brief" }, { name: "Load" }, num("Up"), named("Machine"), { name: "Version" }];
  const row = (service, state, level) => ({
    key: service.id,
    level,
    cells: [service.id, state, load(service), duration(Math.max(0, at - service.since)), service.host, service.version],
  });
  const there = services.map((service) => {
    const level = worst(about(findings, "service", service.id));
    const silent = silence(memory, service, now);
    return row(service, level === "bad" && service.state !== "not ready" ? `silent for ${duration(silent)}` : service.state ?? "runs", level);
  });
  const gone = memory.departed.map(({ service, how, at: left }) => {
    const { key, level, cells } = row(service, `${how} ${duration(now - left)} ago`, worst(about(findings, "service", service.id)));
    return { key, level: level === "good" ? "note" : level, cells: cells.with(2, "").with(3, "") };
  });
  return [columns, [...there, ...gone], "No service has said that it is there."];
}

const load = (service) => Object.entries(service.load).map(([what, many]) => count(many, what.replace(/s$/, ""))).join(", ");
