// What a road is, by its key, and whose. The names are those of shared/bus/src/topic.rs. Pure.

/** `sb:{backend:a}` without what all keys have: `backend:a`. */
export const shortName = (key) => key.replace(/^sb:/, "").replace(/^\{(.*)\}$/s, "$1");

/** Which way of the house it belongs to. */
export function wayOf({ key, kind }, services = []) {
  const name = shortName(key);
  if (kind === "log") return name;
  if (kind === "queue") return name.startsWith("requests") ? "requests" : "peers";
  if (name.startsWith("backend:")) return "backend";
  const owner = services.find(({ id }) => id === name);
  return (owner?.kind ?? name.split("-")[0]) === "rest" ? "peers" : "edge";
}

/** The backend or service whose mailbox it is; null for what has no one owner. */
export function ownerOf({ key, kind }) {
  if (kind !== "mailbox") return null;
  const name = shortName(key);
  return name.startsWith("backend:") ? { backend: name.slice("backend:".length) } : { service: name };
}
