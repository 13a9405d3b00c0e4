// The operators' secret: in this tab's sessionStorage and nowhere else. Where a browser keeps nothing, it is
// asked for again after a reload.

const PLACE = "switchboard.secret";

let here = null;

/** The secret that was told, or null. */
export function known() {
  try {
    return here ?? sessionStorage.getItem(PLACE);
  } catch {
    return here;
  }
}

/** Keeps it, or, with null, forgets it. */
export function know(secret) {
  here = secret;
  try {
    if (secret === null) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, secret);
  } catch {
    // It lasts as long as the page.
  }
}

/** Whether it can be sent at all: a header takes nothing but these. */
export const canBe = (secret) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret);
