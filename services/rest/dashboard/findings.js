// Selections of the findings of a view; the rest service makes them. A level is a finding's severity, "critical",
// "warning" or "info", or "ok" where there is none. Pure.

const LEVELS = ["critical", "warning"];

/** The level of the worst of these: "critical", "warning", or else "ok". */
export function worst(findings) {
  return LEVELS.find((level) => findings.some(({ severity }) => severity === level)) ?? "ok";
}

/** The findings about one thing: its type is "role", "service", "backend", "stream" or "calls". */
export const about = (findings, type, name) => findings.filter((finding) => finding.about.type === type && finding.about.name === name);
