// What became of calls lately, and the figures that one reads from afar.

import { $, keep, make, write } from "./dom.js";
import { duration, number } from "./words.js";
import * as trend from "./trend.js";

/** How many reasons are named; the others are one. */
const REASONS = 8;
const STEPS = {
  queue: "a router takes the request",
  directory: "both people are found and taken",
  place: "a connector takes the call",
  attach: "Janus has both, and the offer",
  ring: "both sides are told",
  answer: "an accepted call is told to its caller",
};

/** Shows the figures. */
export function figures({ calls, services, roads }, rates) {
  const clients = services.reduce((total, { load }) => total + (load.clients ?? 0), 0);
  const messages = roads.reduce((total, { key }) => total + (rates.get(key)?.in ?? 0), 0);
  const { recent, now } = calls;
  write($("calls-now"), number(now));
  const setup = recent.setup_ms;
  $("setup").parentElement.hidden = !setup;
  write($("setup"), duration(setup?.p50));
  write($("setup-most"), setup?.count ? `99 of 100 within ${duration(setup.p99)}` : "no call rang lately");
  write($("clients"), number(clients));
  write($("messages"), rates.size ? number(messages) : "–");
  trend.add($("calls-trend"), now);
  if (rates.size) trend.add($("messages-trend"), messages);
}

/** Shows what became of calls. */
export function calls({ at, calls: { recent } }) {
  const minutes = Math.max(1, at - recent.since) / 60_000;
  write($("ring-rate"), number(recent.rang / minutes));
  write($("calls-since"), `In the last ${duration(at - recent.since)}.`);
  facts([
    ["Rang", number(recent.rang)],
    ["Answered", number(recent.answered)],
    ["Ended", number(recent.ended)],
    ["Mean duration", duration(recent.mean_duration_ms)],
  ]);
  steps(recent.steps_ms);
  reasons(recent.reasons);
}

function facts(all) {
  keep($("calls-facts"), all, {
    key: ([name]) => name,
    create: ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
    update: (fact, [, value]) => write(fact.lastElementChild, value),
  });
}

/** Each step with how long it takes, as a bar of the slowest. */
function steps(all) {
  const shown = Object.keys(STEPS).filter((step) => all?.[step]).map((step) => ({ name: step, more: STEPS[step], ...all[step] }));
  const most = Math.max(1, ...shown.map(({ p99 }) => p99 ?? 0));
  bars($("steps"), shown.map(({ name, more, p50, p99 }) => ({ name: `${name}: ${more}`, share: (p99 ?? 0) / most, value: `${duration(p50)} · ${duration(p99)}` })));
}

function reasons(all) {
  const sorted = Object.entries(all).sort(([, one], [, other]) => other - one);
  const rest = sorted.slice(REASONS).reduce((total, [, many]) => total + many, 0);
  const shown = [...sorted.slice(0, REASONS), ...(rest ? [["other reasons", rest]] : [])];
  const most = Math.max(1, ...shown.map(([, many]) => many));
  bars($("reasons"), shown.map(([reason, many]) => ({ name: reason || "(no reason)", share: many / most, value: number(many) })));
}

/** Nothing to show has no title either. */
function bars(place, all) {
  place.hidden = place.previousElementSibling.hidden = all.length === 0;
  keep(place, all, {
    key: ({ name }) => name,
    create: () => make("li", {}, make("span", { class: "text" }), make("i", { "aria-hidden": "true" }), make("b")),
    update: (bar, { name, share, value }) => {
      write(bar.children[0], name);
      bar.children[1].style.setProperty("--share", String(share));
      write(bar.children[2], value);
    },
  });
}
