// The diagram: the services as nodes, and the streams and connections between them as arrows, with live numbers.

import { write } from "./dom.js";
import { worst } from "./findings.js";
import { count, duration, number, perSecond } from "./format.js";
import { arrowOf } from "./streams.js";

/** The arrows that stand for streams; the others stand for connections. */
const STREAM_ARROWS = ["requests", "backend", "edge", "proxies"];
const PREFIX = { critical: "stuck: ", warning: "slow: ", ok: "" };

/** Draws a view. */
export function draw(view, rates) {
  const { backends, calls, findings, services, streams } = view;
  for (const name of STREAM_ARROWS) {
    const ofArrow = streams.filter((stream) => arrowOf(stream, services) === name);
    const keys = new Set(ofArrow.map(({ key }) => key));
    drawArrow(name, sum(ofArrow, rates), worst(findings.filter(({ about }) => about.type === "stream" && keys.has(about.name))));
  }
  setPace("clients", load(services, "edge", "clients"));
  setPace("janus", backends.some(({ served_by: connector }) => connector) ? 1 : 0);
  setPace("incall", calls.now);
  setPace("http", load(services, "rest", "requests"));
  drawNodes(view);
}

// Arrows.

const arrow = (name) => document.querySelector(`[data-arrow="${name}"]`);

/** The totals of the streams of one arrow. */
function sum(streams, rates) {
  const known = streams.map(({ key }) => rates.get(key)?.in).filter((rate) => rate !== null && rate !== undefined);
  return {
    rate: known.length ? known.reduce((total, rate) => total + rate, 0) : null,
    waiting: streams.reduce((total, { length }) => total + length, 0),
    oldest: streams.reduce((oldest, { oldest_ms: one }) => Math.max(oldest, one ?? 0), 0),
  };
}

function drawArrow(name, { rate, waiting, oldest }, level) {
  const element = arrow(name);
  element.dataset.level = level;
  write(element.querySelector(".rate"), perSecond(rate));
  write(element.querySelector(".wait"), waiting ? `${PREFIX[level]}${number(waiting)} waiting, ${duration(oldest)}` : "none waiting");
  setPace(name, rate ?? 0);
}

/** How fast the dots of an arrow move. */
function setPace(name, rate) {
  const pace = [0, 1, 10, 100].filter((least) => rate > least).length;
  arrow(name).dataset.pace = String(pace);
}

// Nodes.

const ofKind = (services, kind) => services.filter((service) => service.kind === kind);
const load = (services, kind, what) => ofKind(services, kind).reduce((total, service) => total + (service.load[what] ?? 0), 0);

function drawNodes({ services, backends, calls, findings }) {
  const running = (kind) => number(ofKind(services, kind).length);
  const available = backends.filter(({ status, drained }) => status === "normal" && !drained).length;
  setNode("clients", number(load(services, "edge", "clients")), "connected");
  setNode("edge", running("edge"), count(load(services, "edge", "sessions"), "session"));
  setNode("router", running("router"), `${number(load(services, "router", "requests"))} in flight`);
  setNode("connector", running("connector"), count(calls.now, "call"));
  setNode("janus", `${number(available)} of ${number(backends.length)}`, "take calls");
  setNode("rest", running("rest"), "HTTP");
  for (const kind of ["edge", "router", "connector", "rest"]) {
    setLevel(kind, worst(findings.filter(({ about }) => isOfKind(about, kind, services))));
  }
  setLevel("janus", worst(findings.filter(({ about }) => about.type === "backend" || (about.type === "role" && about.name === "backend"))));
}

/** Whether a finding is about a kind of service, or about one of that kind, which may have left. */
function isOfKind({ type, name }, kind, services) {
  if (type === "role") return name === kind;
  return type === "service" && (ofKind(services, kind).some(({ id }) => id === name) || name.startsWith(`${kind}-`));
}

const node = (name) => document.querySelector(`[data-node="${name}"]`);

function setLevel(name, level) {
  node(name).dataset.level = level;
}

function setNode(name, big, small) {
  write(node(name).querySelector(".big"), big);
  write(node(name).querySelector(".soft"), small);
}
