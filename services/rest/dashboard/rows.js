// Columns and rows of the tables: streams, Janus servers, services. A field that no item has gets no column.

import { about, worst } from "./findings.js";
import { count, duration, number, perSecond } from "./format.js";
import { shortName } from "./streams.js";

const numeric = (name) => ({ name, kind: "number" });
const named = (name) => ({ name, kind: "named" });
const anyHas = (items, field) => items.some((item) => item[field] !== undefined && item[field] !== null);

export function streams({ streams, findings }, rates) {
  const hasRedelivered = anyHas(streams, "redelivered");
  const columns = [named("Stream"), { name: "Kind" }, numeric("In"), numeric("Out"), numeric("Waiting"), numeric("Oldest"), numeric("Pending"), numeric("Consumers")];
  if (hasRedelivered) columns.push(numeric("Redelivered"));
  const row = (stream) => {
    const rate = rates.get(stream.key) ?? {};
    const waiting = stream.kind === "log" ? `${number(stream.length)} kept` : number(stream.length);
    const cells = [shortName(stream.key), stream.kind, perSecond(rate.in), perSecond(rate.out), waiting, duration(stream.oldest_ms), number(stream.pending), number(stream.consumers)];
    return { key: stream.key, level: worst(about(findings, "stream", stream.key)), cells: hasRedelivered ? [...cells, number(stream.redelivered)] : cells };
  };
  return [columns, streams.map(row), "There is no stream yet."];
}

export function backends({ backends, findings }) {
  const hasProbes = anyHas(backends, "probe_ms");
  const columns = [named("Name"), { name: "State" }, numeric("Calls"), numeric("Handles"), named("Served by")];
  if (hasProbes) columns.push(numeric("Probe"));
  const row = (backend) => {
    const cells = [backend.name, backendState(backend), number(backend.calls), number(backend.handles), backend.served_by ?? "none"];
    return { key: backend.name, level: worst(about(findings, "backend", backend.name)), cells: hasProbes ? [...cells, duration(backend.probe_ms)] : cells };
  };
  return [columns, backends.map(row), "No connector serves a Janus server."];
}

function backendState({ status, health, drained, calls }) {
  if (!drained) return health;
  const drain = calls ? "draining: its calls continue, it gets no new ones" : "drained: it may be stopped";
  // Draining turns the status from normal to maintenance.
  return ["normal", "maintenance"].includes(status) ? drain : `${drain}; ${health}`;
}

/** The services, and those that left lately. */
export function services({ services, departed, findings, at }) {
  const columns = [named("Service"), { name: "State", kind: "brief" }, { name: "Load" }, numeric("Up"), named("Host"), { name: "Version" }];
  const row = (service, state, level) => ({
    key: service.id,
    level,
    cells: [service.id, state, load(service), duration(Math.max(0, at - service.since)), service.host, service.version],
  });
  const registered = services.map((service) => {
    const own = about(findings, "service", service.id);
    const isSilent = own.some(({ code }) => code === "service_silent");
    return row(service, isSilent ? "silent" : service.state, worst(own));
  });
  const left = departed.map(({ service, how, at: leftAt }) => {
    const level = worst(about(findings, "service", service.id));
    const { key, cells } = row(service, `${how} ${duration(at - leftAt)} ago`);
    return { key, level: level === "ok" ? "info" : level, cells: cells.with(2, "").with(3, "") };
  });
  return [columns, [...registered, ...left], "No service is registered."];
}

const load = (service) => Object.entries(service.load).map(([what, value]) => count(value, what.replace(/s$/, ""))).join(", ");
