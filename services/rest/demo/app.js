// The page: the user's name, at most one call, and the handlers of buttons and of server events.

import { VideoCall } from "./videocall.js";
import { Calls } from "./calls.js";
import * as view from "./view.js";
import * as messages from "./messages.js";

const { $ } = view;
const query = new URLSearchParams(location.search);
const UNKNOWN_REQUEST = 472;

let server = null;
let calls = null;
let name = null;
let online = false;
/** Whether a connection attempt has failed. */
let hasFailed = false;
/** Whether there was a connection before. */
let wasConnected = false;
/** The name that another client took during our call; the page says so when the call ends. */
let lostName = null;

window.demo = { get pc() { return calls?.now?.peer?.pc ?? null; } };

function state() {
  if (calls?.now) return calls.state;
  if (!online) return hasFailed ? "offline" : "connecting";
  return name ? "idle" : "unregistered";
}

function refresh(text, tone) {
  if (lostName && !calls.now) {
    text = [text, messages.displaced(lostName)].filter(Boolean).join(" ");
    [lostName, tone] = [null, "bad"];
  }
  if (text) view.say(text, tone);
  view.show(state());
}

const welcome = () => (name ? `You can be called as ${name}.` : "Choose a name to be called by.");

// Events of the server.

async function onReady({ resumed }) {
  online = wasConnected = true;
  if (resumed) return refresh(calls.now ? calls.describe() : welcome(), "good");
  const previous = name;
  name = null;
  const broken = calls.now !== null;
  if (broken) calls.finish(messages.brokenCall, "bad");
  else refresh(welcome());
  if (previous) await register(previous, broken ? messages.brokenCall : undefined);
}

function onLost(error, delay) {
  online = false;
  hasFailed = true;
  refresh();
  view.countDown(delay, (seconds) => messages.lost(error, seconds, { wasConnected, inCall: calls.now?.answered }));
}

function onDisplaced({ username }) {
  if (!name || (username !== undefined && username !== name)) return;
  [lostName, name] = [name, null];
  if (calls.now) view.say(messages.displacedInCall(lostName), "bad");
  else refresh();
}

function onEvent(result, jsep) {
  if (result.event === "incomingcall") calls.incoming(result, jsep);
  else if (result.event === "accepted") calls.accepted(jsep);
  else if (result.event === "update") calls.renegotiate(jsep).catch((error) => console.warn("no renegotiation", error));
  else if (result.event === "hangup") calls.ended(result);
  else if (result.event === "unregistered") onDisplaced(result);
}

// Actions of the user.

async function register(wanted, notice) {
  try {
    await server.register(wanted);
    name = wanted;
    view.me(name);
    refresh(notice ?? welcome(), notice ? "bad" : "good");
  } catch (error) {
    refresh(messages.failure(error, wanted), "bad");
  }
}

async function checkPresence(who) {
  try {
    const isOnline = await server.exists(who);
    view.presence(messages.presence(who, isOnline), isOnline ? "good" : "bad");
  } catch (error) {
    view.presence(error.code === UNKNOWN_REQUEST ? messages.cannotTell : messages.failure(error, who), "bad");
  }
}

async function rename() {
  await server.unregister().catch(() => {});
  name = null;
  refresh(welcome());
}

function onSubmit(id, work) {
  $(id).addEventListener("submit", (event) => { event.preventDefault(); work(); });
}

const valueOf = (id) => $(id).value.trim();

function wireForms() {
  onSubmit("register-form", () => view.busy("register", () => register(valueOf("name"))));
  onSubmit("call-form", () => calls.place(valueOf("peer")));
  $("check").onclick = () => $("peer").reportValidity() && view.busy("check", () => checkPresence(valueOf("peer")));
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
  server = new VideoCall(url, { ready: onReady, lost: onLost, event: onEvent, trickle: candidate, hangup });
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
  view.say(messages.incomplete, "bad");
});
