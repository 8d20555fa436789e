// @ts-check
// The keys of the review, on every page that shows faces. Each reviewer can switch them off.

const KEYS = "emoscope-review-keys";

export function areKeysOn() {
  return localStorage.getItem(KEYS) !== "off";
}

/** @param {boolean} areOn */
export function switchKeys(areOn) {
  localStorage.setItem(KEYS, areOn ? "on" : "off");
}

/**
 * Whether an event is a key by itself, pressed once.
 *
 * @param {KeyboardEvent} event
 */
export function isSingleKey(event) {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
}

/**
 * The button inside `root` that a key presses, or null.
 *
 * @param {ParentNode} root
 * @param {string} key
 * @returns {HTMLButtonElement | null}
 */
export function findButton(root, key) {
  return root.querySelector(`button[data-key="${CSS.escape(key.toLowerCase())}"]`);
}

/**
 * A choice as people read it.
 *
 * @param {string} choice
 */
export function nameChoice(choice) {
  return choice.replaceAll("_", " ");
}
