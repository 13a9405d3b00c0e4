// A table that changes while one looks at it. On a phone each row becomes a card, and each cell says what it
// is by `data-label`; the roles keep it a table for those who have it read to them.
//
// Bounds: `ROWS` rows, the first of them those with trouble, until somebody asks for all.

import { keep, make, write } from "./dom.js";

const ROWS = 12;
const RANK = { bad: 0, warn: 1, note: 2, good: 3 };
const WORDS = { bad: "Trouble: ", warn: "Attention: ", note: "", good: "" };

/**
 * Shows rows of `{ key, level, cells }` in `place`. A column is `{ name, kind }`, of kind "number",
 * "named" where others choose the text, "brief" or none; a cell is text; the first one names the row.
 */
export function show(place, columns, rows, nothing) {
  const { body, more, none } = parts(place, columns);
  const sorted = rows.toSorted((one, other) => RANK[one.level] - RANK[other.level]);
  const all = more.getAttribute("aria-expanded") === "true";
  keep(body, all ? sorted : sorted.slice(0, ROWS), {
    key: (row) => row.key,
    create: () => row(columns),
    update: fill,
  });
  write(none, rows.length ? "" : nothing);
  body.parentElement.hidden = rows.length === 0;
  more.hidden = rows.length <= ROWS;
  write(more, all ? `Show ${ROWS} only` : `Show all ${rows.length}`);
}

/** The parts of a table in `place`; made anew when it has other columns than before. */
function parts(place, columns) {
  const names = columns.map(({ name }) => name).join("|");
  if (place.dataset.columns !== names) {
    const more = make("button", { type: "button", class: "link", "aria-expanded": "false" });
    more.onclick = () => more.setAttribute("aria-expanded", String(more.getAttribute("aria-expanded") !== "true"));
    place.replaceChildren(empty(place, columns), make("p", { class: "soft" }), more);
    place.dataset.columns = names;
  }
  const [table, none, more] = place.children;
  return { body: table.tBodies[0], none, more };
}

function empty(place, columns) {
  const heads = columns.map((column) => make("th", { role: "columnheader", scope: "col", ...look(column) }, column.name));
  const title = place.closest("section").getAttribute("aria-labelledby");
  return make("table", { role: "table", "aria-labelledby": title },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads)),
    make("tbody", { role: "rowgroup" }));
}

function row(columns) {
  const [first, ...others] = columns;
  const head = make("th", { role: "rowheader", scope: "row", "data-label": first.name, ...look(first) },
    make("i", { class: "mark", "aria-hidden": "true" }), make("span", { class: "unseen" }), make("span", { class: "text" }));
  const cells = others.map((column) => make("td", { role: "cell", "data-label": column.name, ...look(column) }, make("span", { class: "text" })));
  return make("tr", { role: "row" }, head, ...cells);
}

const look = ({ kind }) => (kind ? { class: kind } : {});

function fill(tr, { level, cells }) {
  tr.dataset.level = level;
  write(tr.querySelector(".unseen"), WORDS[level]);
  for (const [place, cell] of cells.entries()) {
    const text = tr.children[place].querySelector(".text");
    write(text, cell);
    // A long name is cut where there is no room for it.
    if (text.parentElement.className === "named") text.title = cell;
  }
}
