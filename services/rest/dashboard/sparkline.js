// A line of the last values of a number. Bound: `POINTS` values each.

const POINTS = 180;
const HEIGHT = 32;

const valuesOf = new WeakMap();

/** Adds a value to the line in this `svg`. */
export function add(svg, value) {
  const values = [...(valuesOf.get(svg) ?? []), value].slice(-POINTS);
  valuesOf.set(svg, values);
  const max = Math.max(1, ...values);
  const point = (one, index) => `${POINTS - values.length + index},${(HEIGHT - 2 - (one / max) * (HEIGHT - 4)).toFixed(1)}`;
  svg.setAttribute("viewBox", `0 0 ${POINTS - 1} ${HEIGHT}`);
  line(svg).setAttribute("points", values.map(point).join(" "));
}

function line(svg) {
  return svg.firstChild ?? svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
}
