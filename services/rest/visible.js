// Texts that clients chose, on both pages: what cannot be seen, or what changes how other text is seen, is escaped. The
// command line does the same (`common::display`).

/** Controls, format characters, separators, fillers, and what is private or not assigned. */
const HIDDEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The text with each hidden character as `\u{202e}`; spaces stay. */
export function visible(text) {
  return String(text).replace(HIDDEN, (char) => (char === " " ? char : `\\u{${char.codePointAt(0).toString(16)}}`));
}
