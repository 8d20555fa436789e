// @ts-check
// Elements of the page, of the kind that the script needs. A template and its script that don't fit together fail with a sentence.

/**
 * The first element inside `root` that fits the selector.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 * @throws {Error} if there is none, or it is of another kind
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} at ${selector}`);
}

/**
 * The element with this id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function get(id, kind) {
  return find(document, `#${id}`, kind);
}

/**
 * All elements inside `root` that fit the selector and are of that kind.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T[]}
 */
export function findAll(root, selector, kind) {
  return [...root.querySelectorAll(selector)].flatMap((each) => each instanceof kind ? [each] : []);
}

/**
 * The element that an event is about, or what is around it and fits the selector; null if there is none of that kind.
 *
 * @template {Element} T
 * @param {Event} event
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function findAround(event, selector, kind) {
  const found = event.target instanceof Element ? event.target.closest(selector) : null;
  return found instanceof kind ? found : null;
}

/**
 * A value that the template gives an element as `data-…`.
 *
 * @param {HTMLElement | SVGElement} element
 * @param {string} name in camelCase
 * @returns {string}
 * @throws {Error} if the element doesn't have it
 */
export function read(element, name) {
  const value = element.dataset[name];
  if (value === undefined) throw new Error(`the page gives no ${name}`);
  return value;
}

/**
 * The document that HTML of the service makes. Scripts in it don't run.
 *
 * @param {string} html
 */
export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}
