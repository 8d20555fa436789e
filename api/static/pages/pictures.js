"use strict";
// A picture that the service refused, because it drew as many as it may at once, is asked for again, up to three times.

const PAUSES_MS = [2000, 4000, 8000];
const triesOf = new WeakMap();

// errors of pictures don't bubble, but they are captured
document.addEventListener("error", ({ target }) => {
  if (!(target instanceof HTMLImageElement)) return;
  const tries = triesOf.get(target) ?? 0;
  if (tries === PAUSES_MS.length) return;
  triesOf.set(target, tries + 1);
  setTimeout(() => (target.src = target.src), PAUSES_MS[tries]);
}, true);
