// @ts-check
// A picture that the service refused, because it drew as many as it may at once, is asked for again, up to three times.
import { findAll } from "./dom.js";

const PAUSES_MS = [2000, 4000, 8000];
/** @type {WeakMap<HTMLImageElement, number>} */
const triesOf = new WeakMap();
/** @type {WeakSet<HTMLImageElement>} */
const waiting = new WeakSet();

/** @param {HTMLImageElement} image */
function askAgain(image) {
  const tries = triesOf.get(image) ?? 0;
  const pauseMs = PAUSES_MS[tries];
  if (pauseMs === undefined || waiting.has(image)) return;
  triesOf.set(image, tries + 1);
  waiting.add(image);
  setTimeout(() => {
    waiting.delete(image);
    image.setAttribute("src", image.src); // also when it is the same
  }, pauseMs);
}

// errors of pictures don't bubble, but they are captured
document.addEventListener("error", ({ target }) => {
  if (target instanceof HTMLImageElement) askAgain(target);
}, true);

// those that failed before this script ran
for (const image of findAll(document, "img[src]", HTMLImageElement)) if (image.complete && !image.naturalWidth) askAgain(image);
