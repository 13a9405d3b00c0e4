// Elements. All that comes from the cluster becomes text here, never markup: names are their owners' choice.

export const $ = (id) => document.getElementById(id);

/** An element with these attributes and children; a child is an element or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets the text of an element where it differs: the same again would be read aloud again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` one for each item, in their order; one that is there for an item's key is
 * used again, so that what is selected, or has the focus, stays so.
 */
export function keep(parent, items, { key, create, update }) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const child = there.get(name) ?? create(item);
    child.dataset.key = name;
    update(child, item);
    return child;
  });
  for (const [place, child] of wanted.entries()) {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  }
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}
