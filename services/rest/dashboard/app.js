// The dashboard: the live state of the cluster, drawn once a second.
//
// feed.js receives views of the cluster, and history.js derives rates from the last few. The other files draw:
// status.js the overall status, diagram.js the diagram, calls.js the figures, rows.js and table.js the tables. The rest
// service decides what is wrong (`findings`). When views stop, the page shows how old its numbers are, while feed.js
// reconnects.

import * as calls from "./calls.js";
import * as diagram from "./diagram.js";
import * as rows from "./rows.js";
import * as secret from "./secret.js";
import * as status from "./status.js";
import { $, write } from "./dom.js";
import { Feed } from "./feed.js";
import { duration } from "./format.js";
import { append, rates } from "./history.js";
import { show } from "./table.js";

/** Milliseconds after which numbers are not live any more. */
const STALE = 3_000;

let history = [];
/** When the last view arrived, and when the last event of any kind did. */
let lastView = null;
let lastEvent = null;
/** Why the connection failed, and when the next attempt is. */
let failure = null;

const feed = new Feed("api/v1/cluster/events", { onView, onProblem, onLost, onDenied });

function onView(view) {
  const now = Date.now();
  [lastView, lastEvent, failure] = [now, now, null];
  history = append(history, view, now);
  const streamRates = rates(history);
  $("secret-form").hidden = true;
  $("numbers").hidden = false;
  document.body.classList.remove("stale");
  status.showFindings(view.findings);
  diagram.draw(view, streamRates);
  calls.figures(view, streamRates);
  calls.calls(view);
  show($("streams"), ...rows.streams(view, streamRates));
  show($("backends"), ...rows.backends(view));
  show($("services"), ...rows.services(view));
  tick();
}

function onProblem(problem) {
  lastEvent = Date.now();
  failure = null;
  document.body.classList.add("stale");
  status.showProblem(problem);
  tick();
}

function onLost(reason, delay) {
  failure = { reason, retryAt: Date.now() + delay };
  if (!$("secret-form").hidden) write($("secret-problem"), `${reason} Trying again…`);
  tick();
}

/** Once a second: shows how old the numbers are. */
function tick() {
  const now = Date.now();
  if (!$("secret-form").hidden) return;
  write($("age"), lastView === null ? "" : now - lastView > STALE ? `the numbers are ${duration(now - lastView)} old` : "live");
  if (lastEvent !== null && now - lastEvent <= STALE) return;
  if (lastEvent === null && !failure) return;
  document.body.classList.add("stale");
  status.showUnknown(lastView === null ? "No connection to the rest service" : "The live numbers have stopped", staleDetail(now));
}

function staleDetail(now) {
  const age = lastView === null ? "" : `What you see is ${duration(now - lastView)} old. `;
  if (!failure) return `${age}No event arrives.`;
  const wait = failure.retryAt > now ? `in ${Math.ceil((failure.retryAt - now) / 1000)} s` : "now";
  return `${age}${failure.reason} Trying again ${wait}…`;
}

// The secret.

function onDenied(wasSent) {
  [lastView, lastEvent, failure] = [null, null, null];
  secret.store(null);
  history = [];
  $("numbers").hidden = true;
  $("forget-place").hidden = true;
  $("secret-form").hidden = false;
  write($("age"), "");
  status.showLocked();
  write($("secret-problem"), wasSent ? "That is not the secret. Try again." : "");
  $("secret").value = "";
  $("secret").focus({ preventScroll: true });
}

function onSubmit(event) {
  event.preventDefault();
  const value = $("secret").value;
  if (!secret.isValid(value)) return onDenied(true);
  secret.store(value);
  $("forget-place").hidden = false;
  write($("secret-problem"), "");
  feed.start(value);
}

function forgetSecret() {
  secret.store(null);
  feed.start(null);
}

function start() {
  $("secret-form").addEventListener("submit", onSubmit);
  $("forget").onclick = forgetSecret;
  $("forget-place").hidden = secret.load() === null;
  addEventListener("online", () => feed.retryNow());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  document.addEventListener("visibilitychange", () => document.hidden || feed.retryNow());
  setInterval(tick, 1000);
  feed.start(secret.load());
}

start();
