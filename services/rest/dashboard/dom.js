// Helpers for elements. Everything that comes from the cluster becomes text, never markup: users choose their names.

import { visible } from "../visible.js";

export const $ = (id) => document.getElementById(id);

/** An element with these attributes and children; a child is an element or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets the text of an element if it differs: a screen reader would read the same text again. */
export function write(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/**
 * Makes the children of `parent` one for each item, in their order. An item's child is reused by its key, so that
 * selection and focus stay.
 */
export function keep(parent, items, { key, create, update }) {
  const existing = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const child = existing.get(name) ?? create(item);
    child.dataset.key = name;
    update(child, item);
    return child;
  });
  for (const [index, child] of wanted.entries()) {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  }
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}
