// The house: who there is, and the roads between, with live numbers.

import { write } from "./dom.js";
import { worst } from "./judge.js";
import { wayOf } from "./roads.js";
import { count, duration, number, perSecond } from "./words.js";

/** Draws a frame. */
export function draw(frame, rates, findings) {
  const level = (is) => worst(findings.filter(is));
  drawStations(frame, findings, level);
  for (const way of ["requests", "backend", "edge", "peers"]) {
    const all = frame.roads.filter((road) => wayOf(road, frame.services) === way);
    const keys = new Set(all.map(({ key }) => key));
    drawRoad(way, sum(all, rates), level(({ about }) => about.kind === "road" && keys.has(about.name)));
  }
  const { backends, services } = frame;
  flow("clients", load(services, "edge", "clients"));
  flow("janus", backends.some(({ served_by: holder }) => holder) ? 1 : 0);
  flow("incall", frame.calls.now);
  flow("http", load(services, "rest", "requests"));
}

const road = (way) => document.querySelector(`[data-way="${way}"]`);

/** What the roads of one way come to. */
function sum(roads, rates) {
  const rated = roads.map(({ key }) => rates.get(key)?.in).filter((rate) => rate !== null && rate !== undefined);
  return {
    rate: rated.length ? rated.reduce((total, rate) => total + rate, 0) : null,
    waiting: roads.reduce((total, { length }) => total + length, 0),
    oldest: roads.reduce((oldest, { oldest_ms: one }) => Math.max(oldest, one ?? 0), 0),
  };
}

const STATE = { bad: "stuck: ", warn: "slow: ", good: "" };

function drawRoad(way, { rate, waiting, oldest }, level) {
  const element = road(way);
  element.dataset.level = level;
  write(element.querySelector(".rate"), perSecond(rate));
  write(element.querySelector(".wait"), waiting ? `${STATE[level]}${number(waiting)} waiting, ${duration(oldest)}` : "none waiting");
  flow(way, rate ?? 0);
}

/** How lively a road looks. */
function flow(way, rate) {
  const pace = [0, 1, 10, 100].filter((least) => rate > least).length;
  road(way).dataset.flow = String(pace);
}

// Those at the ends of the roads.

const load = (services, kind, what) => services.filter((service) => service.kind === kind).reduce((total, service) => total + (service.load[what] ?? 0), 0);

function drawStations({ services, backends, calls }, findings, level) {
  const of = (kind) => services.filter((service) => service.kind === kind);
  const takes = backends.filter(({ status, drained }) => status === "normal" && !drained).length;
  station("clients", number(load(services, "edge", "clients")), "connected");
  station("edge", number(of("edge").length), count(load(services, "edge", "sessions"), "session"));
  station("router", number(of("router").length), `${number(load(services, "router", "requests"))} under way`);
  station("connector", number(of("connector").length), count(calls.now, "call"));
  station("janus", `${number(takes)} of ${number(backends.length)}`, "take calls");
  station("rest", number(of("rest").length), "HTTP");
  const ids = (kind) => new Set(of(kind).map(({ id }) => id));
  for (const kind of ["edge", "router", "connector", "rest"]) {
    const its = ids(kind);
    const isIts = ({ about }) => (about.kind === "kind" && about.name === kind) || (about.kind === "service" && (its.has(about.name) || about.name.startsWith(`${kind}-`)));
    mark(kind, level(isIts));
  }
  mark("janus", level(({ about }) => about.kind === "backend" || (about.kind === "kind" && about.name === "backend")));
}

const stationOf = (name) => document.querySelector(`[data-station="${name}"]`);
const mark = (name, level) => { stationOf(name).dataset.level = level; };

function station(name, big, more) {
  write(stationOf(name).querySelector(".big"), big);
  write(stationOf(name).querySelector(".soft"), more);
}
