// @ts-check
// Parts of the page that follow what happens: `data-live="2"` is fetched anew every two seconds, as the same page draws it.
// A part that is no longer marked in the new page was drawn for the last time. What screen readers are to be told stands in its
// `data-said`, and is put outside of it, since a part that is swapped announces nothing. Where the service can't be reached, the
// page says since when it shows the past.
import { findAll, get, parse } from "./dom.js";
import { send, ServiceError, SESSION_ENDED } from "./http.js";
import { formatAge, formatExactly, showTimes } from "./times.js";

const away = get("away", HTMLElement);
const fresh = document.getElementById("fresh");
let updatedAt = new Date();

/**
 * Fetch the page, replace the part, and schedule the next refresh.
 *
 * @param {HTMLElement} part
 */
async function refresh(part) {
  const mayTell = "said" in part.dataset;
  if (!document.hidden && (mayTell || !isBusy(part))) part = await fetchPart(part);
  if (part.dataset.live) schedule(part);
  else if (fresh) fresh.hidden = true;
}

/** @param {HTMLElement} part */
function schedule(part) {
  setTimeout(refresh, 1000 * Number(part.dataset.live), part);
}

/**
 * @param {HTMLElement} part
 * @returns {Promise<HTMLElement>} what stands in its place now
 */
async function fetchPart(part) {
  // nobody is taken away from what they are at
  const leave = () => isBusy(part) || location.reload();
  try {
    const answer = await send(location.href, { leave });
    tellAway("");
    return show(part, answer.text);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code !== SESSION_ENDED) tellAway(error.status ? `answers with an error (${error.status})` : "can't be reached");
    return part; // the next try may find it
  }
}

/** @param {string} why it is away; empty if it isn't */
function tellAway(why) {
  if (!why) updatedAt = new Date();
  document.body.classList.toggle("stale", Boolean(why));
  away.hidden = !why;
  const text = why && `The service ${why}. This page shows what was so at ${formatExactly(updatedAt)}.`;
  if (away.textContent !== text) away.textContent = text; // told once, not at every try
  tellAge();
}

function tellAge() {
  if (fresh) fresh.textContent = `updated ${formatAge(updatedAt)} ago`;
}

/**
 * Whether somebody has the focus in a part, or something open. It isn't swapped then.
 *
 * @param {HTMLElement} part
 */
function isBusy(part) {
  return part.contains(document.activeElement) ||
    part.querySelector("details[open]:not(.more), :popover-open, input:checked") !== null;
}

/**
 * @param {HTMLElement} part
 * @param {string} html
 */
function show(part, html) {
  const drawn = parse(html).getElementById(part.id);
  if (!drawn) return part;
  const { said } = drawn.dataset;
  if (said !== undefined && said !== part.dataset.said) {
    part.dataset.said = said;
    get("said", HTMLElement).textContent = said;
  }
  return isBusy(part) ? part : replace(part, drawn);
}

/**
 * @param {HTMLElement} part
 * @param {HTMLElement} drawn
 */
function replace(part, drawn) {
  // pictures that are still the same stay, so that nothing flickers
  const known = new Map(findAll(part, "img", HTMLImageElement).map((image) => [image.src, image]));
  for (const image of drawn.querySelectorAll("img")) {
    const kept = known.get(image.src);
    if (kept) image.replaceWith(kept);
  }
  part.replaceWith(drawn);
  showTimes(drawn);
  document.dispatchEvent(new CustomEvent("drawn", { detail: drawn }));
  return drawn;
}

for (const part of findAll(document, "[data-live]", HTMLElement)) schedule(part);
setInterval(tellAge, 1000);
