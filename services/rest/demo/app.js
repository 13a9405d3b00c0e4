// The page: a name, at most one call, and what the buttons and the server do to them.

import { VideoCall } from "./videocall.js";
import { Calls } from "./calls.js";
import * as view from "./view.js";
import * as words from "./words.js";

const { $ } = view;
const query = new URLSearchParams(location.search);
const UNKNOWN_REQUEST = 472;

let server = null;
let calls = null;
let name = null;
let online = false;
let tried = false;
/** Whether there was a connection before. */
let met = false;
/** Somebody took our name during a call; to be said when the call is over. */
let lostName = null;

window.demo = { get pc() { return calls?.now?.peer?.pc ?? null; } };

function state() {
  if (calls?.now) return calls.state;
  if (!online) return tried ? "offline" : "connecting";
  return name ? "idle" : "unregistered";
}

function refresh(text, tone) {
  if (lostName && !calls.now) {
    text = [text, words.displaced(lostName)].filter(Boolean).join(" ");
    [lostName, tone] = [null, "bad"];
  }
  if (text) view.say(text, tone);
  view.show(state());
}

const welcome = () => (name ? `You can be called as ${name}.` : "Choose a name to be called by.");

// What the server says.

async function ready({ resumed }) {
  online = met = true;
  if (resumed) return refresh(calls.now ? calls.describe() : welcome(), "good");
  const former = name;
  name = null;
  const broken = calls.now !== null;
  if (broken) calls.finish(words.brokenCall, "bad");
  else refresh(welcome());
  if (former) await register(former, broken ? words.brokenCall : undefined);
}

function lost(error, pause) {
  online = false;
  tried = true;
  refresh();
  view.countDown(pause, (seconds) => words.lost(error, seconds, { met, inCall: calls.now?.answered }));
}

function displaced({ username }) {
  if (!name || (username !== undefined && username !== name)) return;
  [lostName, name] = [name, null];
  if (calls.now) view.say(words.displacedInCall(lostName), "bad");
  else refresh();
}

function heard(result, jsep) {
  if (result.event === "incomingcall") calls.incoming(result, jsep);
  else if (result.event === "accepted") calls.accepted(jsep);
  else if (result.event === "update") calls.renegotiate(jsep).catch((error) => console.warn("no renegotiation", error));
  else if (result.event === "hangup") calls.ended(result);
  else if (result.event === "unregistered") displaced(result);
}

// What the user does.

async function register(wanted, then) {
  try {
    await server.register(wanted);
    name = wanted;
    view.me(name);
    refresh(then ?? welcome(), then ? "bad" : "good");
  } catch (error) {
    refresh(words.failure(error, wanted), "bad");
  }
}

async function check(who) {
  try {
    const there = await server.exists(who);
    view.presence(words.presence(who, there), there ? "good" : "bad");
  } catch (error) {
    view.presence(error.code === UNKNOWN_REQUEST ? words.cannotTell : words.failure(error, who), "bad");
  }
}

async function rename() {
  await server.leave().catch(() => {});
  name = null;
  refresh(welcome());
}

function onSubmit(id, work) {
  $(id).addEventListener("submit", (event) => { event.preventDefault(); work(); });
}

const typed = (id) => $(id).value.trim();

function wireForms() {
  onSubmit("register-form", () => view.busy("register", () => register(typed("name"))));
  onSubmit("call-form", () => calls.place(typed("peer")));
  $("check").onclick = () => $("peer").reportValidity() && view.busy("check", () => check(typed("peer")));
  $("peer").oninput = () => view.presence("");
  $("rename").onclick = () => view.busy("rename", rename);
  $("retry").onclick = () => server.start();
}

function wireCall() {
  $("accept").onclick = () => view.busy("accept", () => calls.accept());
  $("decline").onclick = () => calls.hangUp(`You declined the call from ${calls.now.who}.`, { reason: "Declined" });
  $("cancel").onclick = () => calls.hangUp(`You cancelled the call to ${calls.now.who}.`);
  $("hangup").onclick = () => calls.hangUp(`You hung up. The call with ${calls.now.who} has ended.`);
  $("mute").onclick = () => view.toggle("mute", calls.toggle("audio"));
  $("camera").onclick = () => view.toggle("camera", calls.toggle("video"));
}

async function address() {
  if (query.has("server")) return query.get("server");
  const { websocket_url, websocket_port } = await (await fetch("demo.json")).json();
  if (websocket_url) return websocket_url;
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.hostname}:${websocket_port}`;
}

function connect(url) {
  const candidate = (one) => calls.candidate(one);
  const hangup = (reason) => calls.ended({ reason });
  server = new VideoCall(url, { ready, lost, event: heard, trickle: candidate, hangup });
  calls = new Calls(server, { name: () => name, loseName: () => { name = null; }, refresh });
  addEventListener("online", () => server.start());
  addEventListener("pagehide", () => server.stop());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  server.start();
}

async function start() {
  $("name").value = query.get("name") ?? "";
  refresh("Connecting to the server…");
  connect(await address());
  wireForms();
  wireCall();
}

start().catch((error) => {
  console.error(error);
  view.say(words.incomplete, "bad");
});
