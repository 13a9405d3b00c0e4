// A table that is updated in place. On a phone each row becomes a card whose cells show their column's name
// (`data-label`); the ARIA roles keep it a table for screen readers.
//
// Bound: `ROWS` rows, the worst first, until the reader asks for all.

import { keep, make, write } from "./dom.js";
import { visible } from "../visible.js";

const ROWS = 12;
const RANK = { critical: 0, warning: 1, info: 2, ok: 3 };
const PREFIX = { critical: "Critical: ", warning: "Warning: ", info: "", ok: "" };

/**
 * Shows rows of `{ key, level, cells }` in `container`. A column is `{ name, kind }`; its kind is "number", "named"
 * (users choose the text), "brief" or absent. A cell is text; the first cell names the row.
 */
export function show(container, columns, rows, emptyText) {
  const { body, more, none } = parts(container, columns);
  const sorted = rows.toSorted((one, other) => RANK[one.level] - RANK[other.level]);
  const isExpanded = more.getAttribute("aria-expanded") === "true";
  keep(body, isExpanded ? sorted : sorted.slice(0, ROWS), {
    key: (row) => row.key,
    create: () => row(columns),
    update: fill,
  });
  write(none, rows.length ? "" : emptyText);
  body.parentElement.hidden = rows.length === 0;
  more.hidden = rows.length <= ROWS;
  write(more, isExpanded ? `Show ${ROWS} only` : `Show all ${rows.length}`);
}

/** The parts of the table in `container`, which is rebuilt when its columns change. */
function parts(container, columns) {
  const names = columns.map(({ name }) => name).join("|");
  if (container.dataset.columns !== names) {
    const more = make("button", { type: "button", class: "link", "aria-expanded": "false" });
    more.onclick = () => more.setAttribute("aria-expanded", String(more.getAttribute("aria-expanded") !== "true"));
    container.replaceChildren(emptyTable(container, columns), make("p", { class: "soft" }), more);
    container.dataset.columns = names;
  }
  const [table, none, more] = container.children;
  return { body: table.tBodies[0], none, more };
}

function emptyTable(container, columns) {
  const heads = columns.map((column) => make("th", { role: "columnheader", scope: "col", ...kindClass(column) }, column.name));
  const title = container.closest("section").getAttribute("aria-labelledby");
  return make("table", { role: "table", "aria-labelledby": title },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads)),
    make("tbody", { role: "rowgroup" }));
}

function row(columns) {
  const [first, ...others] = columns;
  const head = make("th", { role: "rowheader", scope: "row", "data-label": first.name, ...kindClass(first) },
    make("i", { class: "mark", "aria-hidden": "true" }), make("span", { class: "visually-hidden" }), make("span", { class: "text" }));
  const cells = others.map((column) => make("td", { role: "cell", "data-label": column.name, ...kindClass(column) }, make("span", { class: "text" })));
  return make("tr", { role: "row" }, head, ...cells);
}

const kindClass = ({ kind }) => (kind ? { class: kind } : {});

function fill(tr, { level, cells }) {
  tr.dataset.level = level;
  write(tr.querySelector(".visually-hidden"), PREFIX[level]);
  for (const [index, cell] of cells.entries()) {
    const text = tr.children[index].querySelector(".text");
    write(text, cell);
    // CSS truncates a long name; the tooltip has all of it.
    if (text.parentElement.className === "named") text.title = visible(cell);
  }
}
