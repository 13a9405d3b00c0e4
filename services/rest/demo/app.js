// The page: a name, at most one call, and what the buttons and the server do to them.
//
// A call is an object; whatever waits for something compares it with the present one afterwards,
// so that nothing late of an old call touches the next. The server tells the end of a call up to
// three times, always before it announces the next one: until then hangups are the old call's.

import { VideoCall } from "./videocall.js";
import { Peer } from "./peer.js";
import { capture, hasCamera, release } from "./media.js";
import * as view from "./view.js";
import * as words from "./words.js";

const { $ } = view;
const query = new URLSearchParams(location.search);
const EARLY = 100;

let server = null;
let online = false;
let tried = false;
let name = null;
let call = null;
/** Candidates of a call that has not been announced yet. */
let early = [];

window.demo = { get pc() { return call?.peer?.pc ?? null; } };

function state() {
  if (call) return call.answered ? "incall" : call.direction === "in" ? "ringing" : "calling";
  if (!online) return tried ? "offline" : "connecting";
  return name ? "idle" : "unregistered";
}

function refresh(text, tone) {
  if (text) view.say(text, tone);
  view.show(state());
}

// A call, from its first moment to its last.

function begin(who, direction, offer = null) {
  call = {
    who, direction, offer, me: name,
    announced: direction === "in", answered: false, sent: false, peer: null, media: null,
  };
  view.other(who);
  view.presence("");
  return call;
}

function finish(text, tone) {
  const { peer, media } = call;
  call = null;
  early = [];
  peer?.close();
  release(media);
  view.local(null);
  view.remote(null);
  view.time(null);
  view.toggle("mute", false);
  view.toggle("camera", false);
  refresh(text, tone);
}

/** Ends the call ourselves and tells the server, if it knows of the call. */
function hangUp(text, reason, tone) {
  const known = call.sent || call.direction === "in";
  finish(text, tone);
  if (known) server.hangup(reason).catch(() => {});
}

/** Camera and microphone for this call; false when the call ended meanwhile. */
async function equip(mine) {
  view.say("Your browser is asking whether this page may use camera and microphone…");
  const media = await capture();
  if (call !== mine) {
    release(media);
    return false;
  }
  mine.media = media;
  view.local(media);
  return true;
}

function connect(mine) {
  mine.peer = new Peer({
    candidate: (candidate) => call === mine && server.trickle(candidate).catch(() => {}),
    picture: (stream) => call === mine && view.remote(stream),
    state: (now) => call === mine && connectionIs(now),
  });
  for (const candidate of early.splice(0)) mine.peer.remote(candidate);
}

function connectionIs(now) {
  if (now === "failed") hangUp(words.broken, undefined, "bad");
  else if (now === "disconnected") view.say(words.weak, "bad");
  else if (now === "connected" && call.answered) view.say(inCall(), "good");
}

const inCall = () => `In a call with ${call.who}.` + (hasCamera(call.media) ? "" : " No camera was found; you can only be heard.");

function answered() {
  call.answered = true;
  view.time(Date.now());
  refresh(inCall(), "good");
}

async function placeCall(who) {
  const mine = begin(who, "out");
  view.show(state());
  try {
    if (!(await equip(mine))) return;
    view.say(`Calling ${who}…`);
    connect(mine);
    const offer = await mine.peer.offer(mine.media);
    if (call !== mine) return;
    mine.sent = true;
    const reply = server.call(who, offer);
    mine.peer.release();
    const result = await reply;
    if (call !== mine) return;
    if (result.event === "hangup") return finish(words.ended(mine, result.reason), "bad");
    mine.announced = true;
    // An answer may have overtaken the news that the call was placed.
    if (!mine.answered) view.say(`Ringing at ${who}…`);
  } catch (error) {
    if (call === mine) giveUp(error);
  }
}

function giveUp(error) {
  if (error.code === 473) name = null;
  const { who, sent } = call;
  if (error.layer === "link" && sent) server.hangup().catch(() => {});
  finish(words.failure(error, who), "bad");
}

async function acceptCall() {
  const mine = call;
  try {
    if (!(await equip(mine))) return;
    view.say("Connecting…");
    connect(mine);
    const answer = await mine.peer.answer(mine.offer, mine.media);
    if (call !== mine) return;
    const reply = server.accept(answer);
    mine.peer.release();
    await reply;
    if (call === mine) answered();
  } catch (error) {
    if (call === mine) acceptFailed(error);
  }
}

/** Without a camera's leave the phone goes on ringing: the user may give it, and accept again. */
function acceptFailed(error) {
  if (call.peer) return hangUp(words.failure(error, call.who), undefined, "bad");
  view.say(words.failure(error, call.who), "bad");
}

// What the server says.

function incoming({ username }, offer) {
  if (call?.announced) return;
  if (call) early = call.peer?.takeWaiting() ?? [];
  const waiting = early;
  // Two people who call each other at once: theirs was first, ours is refused.
  if (call) finish();
  early = waiting;
  begin(username, "in", offer);
  refresh(`${username} is calling you.`);
}

async function accepted(jsep) {
  const mine = call;
  if (!mine || mine.direction !== "out" || mine.answered || !jsep) return;
  mine.announced = true;
  answered();
  try {
    await mine.peer.describe(jsep);
  } catch (error) {
    if (call === mine) hangUp(words.failure(error, mine.who), undefined, "bad");
  }
}

async function renegotiate(jsep) {
  const mine = call;
  if (!mine?.peer || !jsep) return;
  if (jsep.type !== "offer") return mine.peer.describe(jsep);
  const answer = await mine.peer.renegotiate(jsep);
  if (call === mine) await server.answer(answer);
}

function ended({ username, reason }) {
  if (!call?.announced) return;
  if (username !== undefined && username !== call.who && username !== call.me) return;
  finish(words.ended(call, reason), call.answered && !words.isBroken(reason) ? "plain" : "bad");
}

function displaced({ username }) {
  if (username !== undefined && username !== name) return;
  const lost = name;
  name = null;
  refresh(words.displaced(lost), "bad");
}

function heard(result, jsep) {
  if (result.event === "incomingcall") incoming(result, jsep);
  else if (result.event === "accepted") accepted(jsep);
  else if (result.event === "update") renegotiate(jsep).catch((error) => console.warn("renegotiation failed", error));
  else if (result.event === "hangup") ended(result);
  else if (result.event === "unregistered") displaced(result);
}

function candidate(one) {
  if (call?.peer) call.peer.remote(one);
  else if (early.length < EARLY) early.push(one);
}

async function ready({ resumed }) {
  online = true;
  if (resumed) return refresh(call ? (call.answered ? inCall() : "Connected again.") : welcome(), "good");
  const former = name;
  name = null;
  const lost = call !== null;
  if (lost) finish(words.brokenCall, "bad");
  else refresh("Choose a name to be called by.");
  if (former) await register(former, lost ? words.brokenCall : undefined);
}

function lost(error) {
  online = false;
  tried = true;
  refresh(words.failure(error), "bad");
}

// What the user does.

const welcome = () => (name ? `You can be called as ${name}.` : "Choose a name to be called by.");

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
    view.presence(error.code === 472 ? words.cannotTell : words.failure(error, who), "bad");
  }
}

async function rename() {
  await server.leave().catch(() => {});
  name = null;
  refresh(welcome());
}

function switchTrack(id, kind) {
  const [track] = call?.media?.getTracks().filter((one) => one.kind === kind) ?? [];
  if (!track) return;
  track.enabled = !track.enabled;
  view.toggle(id, !track.enabled);
}

function onSubmit(id, work) {
  $(id).addEventListener("submit", (event) => { event.preventDefault(); work(); });
}

function wireButtons() {
  onSubmit("register-form", () => view.busy("register", () => register($("name").value.trim())));
  onSubmit("call-form", () => placeCall($("peer").value.trim()));
  $("check").onclick = () => $("peer").reportValidity() && view.busy("check", () => check($("peer").value.trim()));
  $("peer").oninput = () => view.presence("");
  $("rename").onclick = () => view.busy("rename", rename);
  $("accept").onclick = () => view.busy("accept", acceptCall);
  $("decline").onclick = () => hangUp(`You declined the call from ${call.who}.`, "Declined");
  $("cancel").onclick = () => hangUp(`You cancelled the call to ${call.who}.`);
  $("hangup").onclick = () => hangUp(`You hung up. The call with ${call.who} has ended.`);
  $("mute").onclick = () => switchTrack("mute", "audio");
  $("camera").onclick = () => switchTrack("camera", "video");
  $("retry").onclick = () => server.start();
}

async function address() {
  if (query.has("server")) return query.get("server");
  const { websocket_url, websocket_port } = await (await fetch("demo.json")).json();
  if (websocket_url) return websocket_url;
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.hostname}:${websocket_port}`;
}

async function start() {
  $("name").value = query.get("name") ?? "";
  wireButtons();
  refresh("Connecting to the server…");
  server = new VideoCall(await address(), { ready, lost, event: heard, trickle: candidate, hangup: (reason) => ended({ reason }) });
  addEventListener("online", () => server.start());
  addEventListener("pagehide", () => server.stop());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  server.start();
}

start().catch((error) => {
  console.error(error);
  view.say(words.incomplete, "bad");
});
