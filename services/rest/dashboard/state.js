// The state of the whole, to be read from across a room: a large line, a sign, a colour, the title and the icon
// of the tab. Changing numbers stand below the line that is read aloud, not in it.

import { $, keep, make, write } from "./dom.js";
import { worst } from "./judge.js";

const FINDINGS = 6;
const SIGN = { good: "✓", warn: "▲", bad: "✕", unknown: "?" };
const WORD = { warn: "Attention: ", bad: "Trouble: " };

/** Says what was found. */
export function tell(findings, detail) {
  const level = worst(findings);
  const alarms = findings.filter((one) => one.level !== "note");
  const [first, ...others] = alarms;
  say(level, first ? `${WORD[first.level]}${first.what}` : "All is well", first?.more || detail);
  list(first ? [...others, ...findings.filter((one) => one.level === "note")] : findings);
}

/** Says that the numbers below are not live; what was found last stays. */
export function unknown(headline, detail) {
  say("unknown", headline, detail);
}

/** Says that nothing is shown to those who do not know the secret. */
export function locked() {
  say("unknown", "A secret is needed", "");
  list([]);
}

/** Says that the cluster cannot be looked at. */
export function problem({ detail }) {
  say("bad", "Trouble: Redis does not answer", `Media of running calls goes on; nothing new can begin. The rest service says: ${detail}.`);
  list([]);
}

function say(level, headline, detail) {
  document.body.dataset.level = level;
  write($("headline"), headline);
  write($("detail"), detail);
  const title = `${SIGN[level]} ${headline} – Switchboard`;
  if (document.title !== title) document.title = title;
  const icon = `dashboard/${level}.svg`;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}

function list(findings) {
  const shown = findings.slice(0, FINDINGS);
  const left = findings.length - shown.length;
  const more = left ? [{ level: "note", about: {}, what: `And ${left} more`, more: "The tables below have them." }] : [];
  keep($("findings"), [...shown, ...more], {
    key: ({ about, what }) => `${about.kind} ${about.name} ${what}`,
    create: () => make("li", {}, make("i", { class: "mark", "aria-hidden": "true" }), make("b", { class: "text" }), " ", make("span", { class: "text" })),
    update: (item, { level, what, more }) => {
      item.dataset.level = level;
      write(item.children[1], what);
      write(item.children[2], more);
    },
  });
}
