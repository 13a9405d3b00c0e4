// The overall status, large enough for a wall display: one line, an icon, a colour, and the title and the icon of the
// tab. The line is a live region, read aloud when it changes, so changing numbers stand below it.

import { $, keep, make, write } from "./dom.js";
import { worst } from "./findings.js";
import { visible } from "../visible.js";

const MAX_FINDINGS = 6;
const SYMBOL = { ok: "✓", warning: "▲", critical: "✕", unknown: "?" };
const PREFIX = { warning: "Warning: ", critical: "Critical: " };

/** Shows the findings; the first that is not only information is the headline. */
export function showFindings(findings) {
  const [first, ...others] = findings.filter(({ severity }) => severity !== "info");
  if (!first) {
    show("ok", "All is well", "Every service answers, every stream is read, and Janus takes calls.");
    return list(findings);
  }
  show(worst(findings), `${PREFIX[first.severity]}${first.summary}`, first.detail);
  list([...others, ...findings.filter(({ severity }) => severity === "info")]);
}

/** Shows that the numbers are not live; the findings that came last stay. */
export function showUnknown(headline, detail) {
  show("unknown", headline, detail);
}

/** Shows that a secret is needed. */
export function showLocked() {
  show("unknown", "A secret is needed", "");
  list([]);
}

/** Shows that the rest service cannot read the cluster's state. */
export function showProblem({ detail }) {
  show("critical", "Critical: Redis does not answer", `Media of established calls continues; nothing new can begin. The rest service reports: ${detail}.`);
  list([]);
}

function show(level, headline, detail) {
  document.body.dataset.level = level;
  write($("headline"), headline);
  write($("detail"), detail);
  const title = `${SYMBOL[level]} ${visible(headline)} – Switchboard`;
  if (document.title !== title) document.title = title;
  const icon = `dashboard/${level}.svg`;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}

function list(findings) {
  const shown = findings.slice(0, MAX_FINDINGS);
  const left = findings.length - shown.length;
  const more = left ? [{ severity: "info", about: {}, summary: `And ${left} more`, detail: "The tables below have them." }] : [];
  keep($("findings"), [...shown, ...more], {
    key: ({ about, summary }) => `${about.type} ${about.name} ${summary}`,
    create: () => make("li", {}, make("i", { class: "mark", "aria-hidden": "true" }), make("b", { class: "text" }), " ", make("span", { class: "text" })),
    update: (item, { severity, summary, detail }) => {
      item.dataset.level = severity;
      write(item.children[1], summary);
      write(item.children[2], detail);
    },
  });
}
