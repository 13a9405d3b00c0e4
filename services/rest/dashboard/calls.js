// Statistics of recent calls, and the large figures.

import { $, keep, make, write } from "./dom.js";
import { duration, number } from "./format.js";
import * as sparkline from "./sparkline.js";

/** How many kinds of end have a bar of their own. */
const MAX_REASONS = 8;
const STEPS = {
  queue: "a router receives the request",
  directory: "both users are found and reserved",
  place: "the connector receives the call",
  attach: "Janus has both handles and the offer",
  ring: "both clients are notified",
};

/** Shows the figures. */
export function figures({ calls, services, streams }, rates) {
  const clients = services.reduce((total, { load }) => total + (load.clients ?? 0), 0);
  const messages = streams.reduce((total, { key }) => total + (rates.get(key)?.in ?? 0), 0);
  const { recent, now } = calls;
  write($("calls-now"), number(now));
  const setup = recent.setup_ms;
  write($("setup"), duration(setup.p50));
  write($("setup-p99"), setup.count ? `99 of 100 within ${duration(setup.p99)}` : "no recent call");
  write($("clients"), number(clients));
  write($("messages"), rates.size ? number(messages) : "–");
  sparkline.add($("calls-sparkline"), now);
  if (rates.size) sparkline.add($("messages-sparkline"), messages);
}

/** Shows the statistics of recent calls. */
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

/** A bar for each step of call setup, relative to the slowest. */
function steps(all) {
  const shown = Object.keys(STEPS).filter((step) => all[step]).map((step) => ({ name: step, more: STEPS[step], ...all[step] }));
  const max = Math.max(1, ...shown.map(({ p99 }) => p99 ?? 0));
  bars($("steps"), shown.map(({ name, more, p50, p99 }) => ({ name: `${name}: ${more}`, share: (p99 ?? 0) / max, value: `${duration(p50)} · ${duration(p99)}` })));
}

function reasons(all) {
  const sorted = Object.entries(all).sort(([, one], [, other]) => other - one);
  const rest = sorted.slice(MAX_REASONS).reduce((sum, [, total]) => sum + total, 0);
  const shown = [...sorted.slice(0, MAX_REASONS), ...(rest ? [["other", rest]] : [])];
  const max = Math.max(1, ...shown.map(([, total]) => total));
  bars($("reasons"), shown.map(([reason, total]) => ({ name: reason.replaceAll("_", " "), share: total / max, value: number(total) })));
}

/** Shows bars; without any it hides their title too. */
function bars(container, all) {
  container.hidden = container.previousElementSibling.hidden = all.length === 0;
  keep(container, all, {
    key: ({ name }) => name,
    create: () => make("li", {}, make("span", { class: "text" }), make("i", { "aria-hidden": "true" }), make("b")),
    update: (bar, { name, share, value }) => {
      write(bar.children[0], name);
      bar.children[1].style.setProperty("--share", String(share));
      write(bar.children[2], value);
    },
  });
}
