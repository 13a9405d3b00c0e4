// What is on the screen. Knows elements and states, nothing of calls or servers.

import { startRinging, stopRinging } from "./ring.js";

const $ = (id) => document.getElementById(id);
const TITLE = document.title;

/** Shows what belongs to a state: every element that names it in `data-states`. */
export function show(state) {
  const before = document.body.dataset.state;
  document.body.dataset.state = state;
  for (const part of document.querySelectorAll("[data-states]")) {
    part.hidden = !part.dataset.states.split(" ").includes(state);
  }
  if (state === "ringing") startRinging();
  else stopRinging();
  if (before !== state) settle(state);
}

function settle(state) {
  document.title = state === "ringing" ? `Call from ${$("caller").textContent}` : TITLE;
  // Never onto "Accept": somebody who is typing would accept by accident.
  const place = { unregistered: "name", idle: "peer", ringing: "ring", calling: "stage", incall: "stage" }[state];
  if (place) $(place).focus({ preventScroll: true });
}

let countdown = null;

/** Says how things are; `tone` is "plain", "good" or "bad". */
export function say(text, tone = "plain") {
  clearInterval(countdown);
  $("status").ariaLive = "polite";
  // The same words again would be read aloud again.
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").dataset.tone = tone;
}

/** Says each second what `text(seconds)` makes of the seconds that are left, until something else is said. */
export function countDown(milliseconds = 0, text) {
  const end = Date.now() + milliseconds;
  const left = () => Math.max(0, Math.ceil((end - Date.now()) / 1000));
  say(text(left()), "bad");
  countdown = setInterval(() => {
    // Read aloud is how it began, not each second.
    $("status").ariaLive = "off";
    $("status").textContent = text(left());
  }, 250);
}

export function presence(text, tone) {
  $("presence").textContent = text;
  $("presence").dataset.tone = tone;
}

export function me(name) {
  for (const place of document.querySelectorAll("[data-me]")) place.textContent = name ?? "";
}

export function other(name) {
  $("caller").textContent = name;
  for (const place of document.querySelectorAll("[data-other]")) place.textContent = name;
  for (const place of document.querySelectorAll("[data-initial]")) place.textContent = [...name][0]?.toUpperCase() ?? "";
}

export function local(stream) {
  $("local").srcObject = stream;
  $("local").hidden = !stream?.getVideoTracks().length;
  $("camera").disabled = $("local").hidden;
}

export function remote(stream) {
  if ($("remote").srcObject === stream) return;
  $("remote").srcObject = stream;
  $("stage").classList.remove("has-picture");
  if (stream) $("remote").play().catch(() => {});
}

/** Nothing of a call is on the screen any more. */
export function clearCall() {
  local(null);
  remote(null);
  time(null);
  toggle("mute", false);
  toggle("camera", false);
}

/** The button cannot be pressed a second time before the work is done. */
export async function busy(id, work) {
  $(id).disabled = true;
  try {
    return await work();
  } finally {
    $(id).disabled = false;
  }
}

export function toggle(id, off) {
  $(id).setAttribute("aria-pressed", String(off));
}

let clock = null;

/** Counts the time of a call from now; null stops it. */
export function time(since) {
  clearInterval(clock);
  const tick = () => {
    const seconds = Math.floor((Date.now() - since) / 1000);
    $("timer").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  $("timer").textContent = "";
  if (since === null) return;
  tick();
  clock = setInterval(tick, 1000);
}

$("remote").addEventListener("resize", () => {
  const { videoWidth, videoHeight } = $("remote");
  $("stage").classList.toggle("has-picture", videoWidth > 0);
  $("stage").classList.toggle("upright", videoHeight > videoWidth);
});

export { $ };
