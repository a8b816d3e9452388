// Elements without a framework. All text goes in as text: names, reasons and messages come from users and models.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: attributes (`onclick` and the like are listeners, null is left out), then children. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Makes an SVG element. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byID = (id) => document.getElementById(id);

/** Changes the text only if it differs: screen readers announce what is set, and layout is not for free. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** Changes an attribute only if it differs; null removes it. */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
}

/** Shows a line of text, or hides it when there is none. */
export function line(element, value) {
  element.hidden = !value;
  text(element, value ?? "");
}

/**
 * Makes the children of `parent` those of `items`, keeping the element of each key, and with it focus and scrolling.
 * `make(item)` gives an element; `update(element, item)` brings it up to date.
 */
export function list(parent, items, key, make, update) {
  const known = (parent.known ??= new Map());
  const keys = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    keys.add(name);
    let element = known.get(name);
    if (!element) known.set(name, (element = make(item)));
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const [name, element] of known) {
    if (keys.has(name)) continue;
    element.remove();
    known.delete(name);
  }
}
