// Messages for the user about everything that can fail. The server's own text is appended only if its code is
// unknown here.

import { InsecureOrigin } from "./media.js";

const CAMERA = {
  NotAllowedError: "This page may not use your camera and microphone. Allow both for this page in your browser (often behind the icon beside the address), then try again.",
  NotFoundError: "No camera and no microphone were found. Plug one in, then try again.",
  NotReadableError: "Your camera or microphone is in use by another program. Close that program, then try again.",
};

const PLUGIN = {
  473: () => "You have no name here any more. Choose one again.",
  474: () => "That name does not work here. Try letters, digits and underscores, at most 128 of them.",
  475: () => "A name is missing.",
  476: (who) => `The name ${who} is taken by somebody else. Choose another one.`,
  478: (who) => `Nobody named ${who} is online.`,
  479: () => "That is your own name. Call somebody else, or open this page in a second window under another name.",
  480: () => "Your last call is still being ended. Try again in a moment.",
  481: () => "The caller has already hung up.",
  482: () => "Your browser sent no session description. Reload the page and try again.",
  483: () => "The server could not read what your browser offered. Another browser may work.",
};

const CORE = {
  403: () => "This server requires a password that this page does not have.",
  460: () => "This server does not offer video calls.",
  465: PLUGIN[483],
  471: PLUGIN[480],
  490: PLUGIN[480],
  472: () => "The server accepts no new clients at the moment. Try again later.",
};

const LINK = {
  unreachable: "The server cannot be reached.",
  lost: "Connection lost.",
  restart: "The server is being restarted.",
  silent: "The server did not answer in time. Try again.",
  interrupted: "The connection was lost in the middle of that. Try again.",
};

const UNAVAILABLE = "The service is not able to do that at the moment. Try again in a little while.";

/** Shown while there is no connection; an established call does not need one. */
export function lost(error, seconds, { wasConnected, inCall }) {
  const why = wasConnected && ["unreachable", "silent"].includes(error.reason) ? LINK.lost : failure(error);
  const again = error instanceof DOMException ? "" : ` Trying again ${seconds ? `in ${seconds} s` : "now"}…`;
  return why + again + (inCall ? " Your call continues." : "");
}

/** Why an action of the user failed; `who` is the name it was about. */
export function failure(error, who) {
  if (error instanceof InsecureOrigin) return insecure();
  if (error.layer === "link") return LINK[error.reason];
  if (error.layer) return rejection(error, who);
  if (error.name === "SecurityError") return "A page that was opened over https:// needs a server address that begins with wss://.";
  if (error.name === "SyntaxError") return "The server address is invalid. It must begin with ws:// or wss://.";
  return CAMERA[error.name] ?? `Something unexpected happened in your browser: ${error.message}`;
}

function rejection({ layer, code, reason }, who) {
  const known = (layer === "plugin" ? PLUGIN : CORE)[code];
  if (known) return known(who);
  return code >= 500 ? `${UNAVAILABLE} (${reason})` : `The server refused: ${reason} (code ${code})`;
}

function insecure() {
  return "Browsers give camera and microphone only to pages that were opened over https:// or on localhost. " +
    `Open this page that way; ${location.origin} is neither.`;
}

const BROKEN = /^(ICE failed|DTLS|Gathering)/;
const USUAL = /^(Explicit hangup|We did the hangup|Remote WebRTC hangup|Close PC|Janus API|Detach|Declined|)$/i;
const GONE = /^(Remote WebRTC hangup|Detach)$/;

/** Whether the media connection failed, as opposed to a hangup by a user. */
export const isBroken = (reason = "") => BROKEN.test(reason);

/** How a call ended that the user did not end. */
export function ended({ who, direction, answered }, reason = "") {
  if (reason === "User busy") return `${who} is in another call.`;
  if (isBroken(reason)) return broken;
  const why = USUAL.test(reason) ? "" : ` (${reason})`;
  if (!answered && direction === "in") return `You missed a call from ${who}.${why}`;
  if (why) return `The call with ${who} ended${answered ? "" : " before it was answered"}.${why}`;
  if (answered) return `${who} hung up.`;
  return GONE.test(reason) ? `${who} is no longer there.` : `${who} declined the call.`;
}

export const presence = (who, online) => (online ? `${who} is online.` : `${who} is not online.`);
export const cannotTell = "This server cannot say who is online. You can still try to call.";
export const displaced = (name) =>
  `Somebody signed in as ${name} somewhere else, so that name is not yours here any more. Choose a name again.`;
export const yourself = PLUGIN[479]();
export const broken = "Picture and sound could not get through, so the call ended.";
export const weak = "The connection is weak; picture or sound may stop for a moment.";
export const incomplete = "This page could not be loaded completely. Reload it.";
export const displacedInCall = (name) =>
  `Somebody signed in as ${name} somewhere else. This call goes on, but that name is not yours any more.`;
export const brokenCall = "The connection to the server was lost for too long, so the call ended.";
