"use strict";
// Times in the reader's own zone, which is named; how long ago something was keeps going.

const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short", hour: "numeric" });
const HOUR = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const STEPS = [[60, "s", 1], [3600, "min", 60], [86_400, "h", 3600], [Infinity, "d", 86_400]];
const TICK_MS = 10_000;

function nameZone(moment) {
  return ZONE.formatToParts(moment).find((part) => part.type === "timeZoneName").value;
}

function formatAge(moment) {
  const seconds = Math.max(0, (Date.now() - moment) / 1000);
  const [, unit, size] = STEPS.find(([limit]) => seconds < limit);
  return `${Math.round(seconds / size)} ${unit}`;
}

function showTimes(root) {
  for (const zone of root.querySelectorAll("[data-zone]")) zone.textContent = nameZone(new Date());
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const { form } = time.dataset;
    const format = form === "exact" ? EXACT : MOMENT;
    if (form === "hour") {
      time.textContent = HOUR.format(moment);
      time.title = `${MOMENT.format(moment)} ${nameZone(moment)}`;
      continue;
    }
    if (form) time.textContent = `${format.format(moment)} ${nameZone(moment)}`;
    else time.textContent = `${formatAge(moment)} ago`;
    time.title = form ? `${formatAge(moment)} ago` : `${EXACT.format(moment)} ${nameZone(moment)}`;
  }
}

showTimes(document);
setInterval(showTimes, TICK_MS, document);
