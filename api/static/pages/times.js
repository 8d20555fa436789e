// @ts-check
// Times in the reader's own zone, which is named; how long ago something was keeps going.
import { findAll } from "./dom.js";

const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short", hour: "numeric" });
const HOUR = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const TICK_MS = 10_000;

/** @param {Date} moment */
function nameZone(moment) {
  return ZONE.formatToParts(moment).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/**
 * A moment to the second, with its zone.
 *
 * @param {Date} moment
 */
export function formatExactly(moment) {
  return `${EXACT.format(moment)} ${nameZone(moment)}`;
}

/**
 * How long ago a moment was, such as `5 min`.
 *
 * @param {Date} moment
 */
export function formatAge(moment) {
  const seconds = Math.max(0, (Date.now() - moment.valueOf()) / 1000);
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/**
 * Write all times inside `root` in the reader's zone. A time's `data-form` says how: `hour`, `exact`, another for a moment, or none
 * for how long ago it was.
 *
 * @param {ParentNode} root
 */
export function showTimes(root) {
  for (const zone of root.querySelectorAll("[data-zone]")) zone.textContent = nameZone(new Date());
  for (const time of findAll(root, "time[datetime]", HTMLTimeElement)) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const { form } = time.dataset;
    const inFull = `${MOMENT.format(moment)} ${nameZone(moment)}`;
    if (form === "hour") {
      time.textContent = HOUR.format(moment);
      time.title = inFull;
    } else if (form) {
      time.textContent = form === "exact" ? formatExactly(moment) : inFull;
      time.title = `${formatAge(moment)} ago`;
    } else {
      time.textContent = `${formatAge(moment)} ago`;
      time.title = formatExactly(moment);
    }
  }
}

showTimes(document);
setInterval(showTimes, TICK_MS, document);
