// The dashboard: the live numbers of the cluster, judged and drawn once a second.
//
// feed.js brings frames, memory.js keeps what one frame alone does not say, judge.js finds what is wrong,
// and the others draw: state.js, house.js, calls.js, lists.js by table.js. How it fails: when no frame comes any
// more, the page says so, and how old its numbers are; feed.js goes on trying.

import * as calls from "./calls.js";
import * as house from "./house.js";
import * as lists from "./lists.js";
import * as secret from "./secret.js";
import * as state from "./state.js";
import { $, write } from "./dom.js";
import { Feed } from "./feed.js";
import { judge } from "./judge.js";
import { LIMITS } from "./limits.js";
import { nothing, rates, remember } from "./memory.js";
import { show } from "./table.js";
import { duration } from "./words.js";

let memory = nothing();
/** When a frame came last, and when something did. */
let fresh = null;
let heard = null;
/** Why there is none, and when the next attempt is. */
let trouble = null;

const feed = new Feed("api/v1/cluster/events", { frame, problem, lost, denied });

function frame(seen) {
  const now = Date.now();
  [fresh, heard, trouble] = [now, now, null];
  memory = remember(memory, seen, now);
  const findings = judge(seen, memory, now);
  const rated = rates(memory);
  $("secret-form").hidden = true;
  $("numbers").hidden = false;
  document.body.classList.remove("old");
  state.tell(findings, "Every service answers, every road is open, and Janus takes calls.");
  house.draw(seen, rated, findings);
  calls.figures(seen, rated);
  calls.calls(seen);
  show($("roads"), ...lists.roads(seen, rated, findings));
  show($("backends"), ...lists.backends(seen, findings));
  show($("services"), ...lists.services(seen, memory, findings, now));
  tick();
}

function problem(told) {
  heard = Date.now();
  trouble = null;
  document.body.classList.add("old");
  state.problem(told);
  tick();
}

function lost(why, pause) {
  trouble = { why, next: Date.now() + pause };
  if (!$("secret-form").hidden) write($("secret-problem"), `${why} Trying again…`);
  tick();
}

/** Once a second: how old the numbers are. */
function tick() {
  const now = Date.now();
  if (!$("secret-form").hidden) return;
  write($("age"), fresh === null ? "" : now - fresh > LIMITS.stale ? `the numbers are ${duration(now - fresh)} old` : "live");
  if (heard !== null && now - heard <= LIMITS.stale) return;
  if (heard === null && !trouble) return;
  document.body.classList.add("old");
  const next = trouble ? ` ${trouble.why} Trying again ${trouble.next > now ? `in ${Math.ceil((trouble.next - now) / 1000)} s` : "now"}…` : " Nothing comes.";
  const age = fresh === null ? "" : ` What you see is ${duration(now - fresh)} old.`;
  state.unknown(fresh === null ? "No connection to the rest service" : "The live numbers have stopped", `${age}${next}`.trim());
}

// The secret.

function denied(shown) {
  [fresh, heard, trouble] = [null, null, null];
  secret.know(null);
  memory = nothing();
  $("numbers").hidden = true;
  $("forget-place").hidden = true;
  $("secret-form").hidden = false;
  write($("age"), "");
  state.locked();
  write($("secret-problem"), shown ? "That is not the secret. Try again." : "");
  $("secret").value = "";
  $("secret").focus({ preventScroll: true });
}

function enter(event) {
  event.preventDefault();
  const told = $("secret").value;
  if (!secret.canBe(told)) return denied(true);
  secret.know(told);
  $("forget-place").hidden = false;
  write($("secret-problem"), "");
  feed.start(told);
}

function forget() {
  secret.know(null);
  feed.start(null);
}

function start() {
  $("secret-form").addEventListener("submit", enter);
  $("forget").onclick = forget;
  $("forget-place").hidden = secret.known() === null;
  addEventListener("online", () => feed.now());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  document.addEventListener("visibilitychange", () => document.hidden || feed.now());
  setInterval(tick, 1000);
  feed.start(secret.known());
}

start();
