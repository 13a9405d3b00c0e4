// The operators' secret: in this tab's sessionStorage and nowhere else. Where the browser has no storage, the page
// asks for it again after a reload.

const STORAGE_KEY = "switchboard.secret";

let inMemory = null;

/** The stored secret, or null. */
export function load() {
  try {
    return inMemory ?? sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return inMemory;
  }
}

/** Stores it, or, with null, removes it. */
export function store(secret) {
  inMemory = secret;
  try {
    if (secret === null) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, secret);
  } catch {
    // It lasts as long as the page.
  }
}

/** Whether a header can carry it. */
export const isValid = (secret) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret);
