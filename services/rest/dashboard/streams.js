// What a stream is for, by its key. The keys are those of shared/bus/src/topic.rs. Pure.

/** `sb:{backend:a}` without what all keys share: `backend:a`. */
export const shortName = (key) => key.replace(/^sb:/, "").replace(/^\{(.*)\}$/s, "$1");

/** The arrow of the diagram that stands for a stream: "requests", "backend", "edge" or "proxies"; a log has none. */
export function arrowOf({ key, kind }, services = []) {
  const name = shortName(key);
  if (kind === "log") return null;
  if (kind === "queue") return name.startsWith("requests") ? "requests" : "proxies";
  if (name.startsWith("backend:")) return "backend";
  const owner = services.find(({ id }) => id === name);
  return (owner?.kind ?? name.split("-")[0]) === "rest" ? "proxies" : "edge";
}
