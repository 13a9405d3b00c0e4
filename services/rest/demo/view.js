// The elements of the page and its states. It knows nothing of calls or servers.

import { startRinging, stopRinging } from "./ringtone.js";
import { visible } from "./visible.js";

const $ = (id) => document.getElementById(id);
const TITLE = document.title;

/** Shows the elements that name this state in `data-states`, and hides the others. */
export function show(state) {
  const before = document.body.dataset.state;
  document.body.dataset.state = state;
  for (const element of document.querySelectorAll("[data-states]")) {
    element.hidden = !element.dataset.states.split(" ").includes(state);
  }
  if (state === "ringing") startRinging();
  else stopRinging();
  if (before !== state) onEnter(state);
}

function onEnter(state) {
  document.title = state === "ringing" ? `Call from ${$("caller").textContent}` : TITLE;
  // Never "Accept": a user who is typing would accept by accident.
  const place = { unregistered: "name", idle: "peer", ringing: "ring", calling: "stage", incall: "stage" }[state];
  if (place) $(place).focus({ preventScroll: true });
}

/** Sets the text of an element if it differs: a screen reader would read the same text again. */
function write(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

let countdown = null;

/** Shows a status message; `tone` is "plain", "good" or "bad". */
export function say(text, tone = "plain") {
  clearInterval(countdown);
  $("status").ariaLive = "polite";
  write($("status"), text);
  $("status").dataset.tone = tone;
}

/** Shows `text(seconds)` for the seconds that are left, until another message replaces it. */
export function countDown(milliseconds = 0, text) {
  const end = Date.now() + milliseconds;
  const left = () => Math.max(0, Math.ceil((end - Date.now()) / 1000));
  say(text(left()), "bad");
  countdown = setInterval(() => {
    // Screen readers read the first message only.
    $("status").ariaLive = "off";
    write($("status"), text(left()));
  }, 250);
}

export function presence(text, tone) {
  write($("presence"), text);
  $("presence").dataset.tone = tone;
}

export function me(name) {
  for (const place of document.querySelectorAll("[data-me]")) write(place, name ?? "");
}

export function other(name) {
  write($("caller"), name);
  for (const place of document.querySelectorAll("[data-other]")) write(place, name);
  for (const place of document.querySelectorAll("[data-initial]")) write(place, [...visible(name)][0]?.toUpperCase() ?? "");
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

/** Removes everything of a call from the page. */
export function clearCall() {
  local(null);
  remote(null);
  time(null);
  toggle("mute", false);
  toggle("camera", false);
}

/** Disables a button until the work is done. */
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

/** Shows the duration of a call that began at `since`; null stops it. */
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
