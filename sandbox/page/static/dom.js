// Building and updating elements. Text only ever becomes text nodes: nothing here reads markup.

/**
 * An element. `attributes`: `class`, any attribute (null and false leave it out, true sets it empty),
 * `on` ({event: listener}) and `vars` (CSS custom properties).
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "vars") {
      for (const [property, setting] of Object.entries(value)) node.style.setProperty(property, setting);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(node, children);
  return node;
}

/** Appends strings as text, nodes as they are; null and false are left out. */
export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

/** Text only a screen reader gets. */
export const spoken = (text) => el("span", { class: "visually-hidden" }, text);

/**
 * Keeps a list's children in step with items: makes what is new, replaces what changed, removes what is gone.
 * `inputs(item)` lists all that the child was made of; while each is the same object, the child stays.
 * What is open stays open, and what has the focus (by `data-focus-key`) keeps it. `make` learns whether there was a
 * child for the item before.
 */
export class KeyedList {
  constructor(parent, { key, inputs, make }) {
    this.parent = parent;
    this.options = { key, inputs, make };
    this.known = new Map();
  }

  show(items) {
    const focusKey = document.activeElement?.dataset?.focusKey;
    const hadFocus = focusKey && this.parent.contains(document.activeElement);
    const next = new Map();
    for (const item of items) next.set(this.options.key(item), this.#child(item));
    for (const [key, { node }] of this.known) if (next.get(key)?.node !== node) node.remove();
    this.known = next;
    this.#order();
    if (hadFocus && !this.parent.contains(document.activeElement)) {
      this.parent.querySelector(`[data-focus-key="${CSS.escape(focusKey)}"]`)?.focus();
    }
  }

  #child(item) {
    const before = this.known.get(this.options.key(item));
    const inputs = this.options.inputs(item);
    if (before && inputs.every((input, index) => input === before.inputs[index])) return before;
    const node = this.options.make(item, Boolean(before));
    if (before?.node.querySelector("details[open]")) {
      const details = node.querySelector("details");
      if (details) details.open = true;
    }
    return { node, inputs };
  }

  #order() {
    let place = this.parent.firstElementChild;
    for (const { node } of this.known.values()) {
      if (node === place) place = place.nextElementSibling;
      else this.parent.insertBefore(node, place);
    }
  }
}
