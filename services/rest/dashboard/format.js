// Numbers for readers. Pure.

const MISSING = "–";

/** 30 ms, 0.4 s, 12 s, 3 min, 5 h, 2 days. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return MISSING;
  const seconds = milliseconds / 1000;
  if (seconds < 0.1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  if (seconds < 7_170) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_000) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** 0.4, 12, 1,200. */
export function number(value) {
  if (value === null || value === undefined) return MISSING;
  if (value > 0 && value < 9.95) return value.toFixed(1).replace(/\.0$/, "");
  return Math.round(value).toLocaleString("en");
}

/** A rate. */
export const perSecond = (value) => (value === null || value === undefined ? MISSING : `${number(value)}/s`);

/** 1 message, 2 messages. */
export const count = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;
