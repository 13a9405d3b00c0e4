// A line of what a number was in the last minutes. Bound: `POINTS` numbers each.

const POINTS = 180;
const HEIGHT = 32;

const seen = new WeakMap();

/** Adds a number to the line in this `svg`. */
export function add(svg, value) {
  const values = [...(seen.get(svg) ?? []), value].slice(-POINTS);
  seen.set(svg, values);
  const most = Math.max(1, ...values);
  const at = (one, place) => `${POINTS - values.length + place},${(HEIGHT - 2 - (one / most) * (HEIGHT - 4)).toFixed(1)}`;
  svg.setAttribute("viewBox", `0 0 ${POINTS - 1} ${HEIGHT}`);
  line(svg).setAttribute("points", values.map(at).join(" "));
}

function line(svg) {
  return svg.firstChild ?? svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
}
