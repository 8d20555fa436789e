"use strict";
// Parts of the page that follow what happens: `data-live="2"` is fetched anew every two seconds, as the same page draws it.
// A part that is no longer marked in the new page was drawn for the last time. What screen readers are to be told stands in its
// `data-said`, and is put outside of it, since a part that is swapped announces nothing. Where the service can't be reached, the
// page says since when it shows the past.

const PATIENCE_MS = 10_000;
const away = document.getElementById("away");
const fresh = document.getElementById("fresh");
let updatedAt = new Date();
let isAway = false;

async function refresh(part) {
  const mayTell = "said" in part.dataset;
  if (!document.hidden && (mayTell || !isBusy(part))) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.redirected && !isBusy(part)) return location.reload(); // signed out meanwhile
      if (answer.ok && !answer.redirected) part = show(part, await answer.text());
      tellAway(answer.ok ? "" : `answers with an error (${answer.status})`);
    } catch {
      tellAway("can't be reached"); // the next try may find it
    }
  }
  if (part.dataset.live) setTimeout(refresh, 1000 * Number(part.dataset.live), part);
  else if (fresh) fresh.hidden = true;
}

function tellAway(why) {
  if (!why) updatedAt = new Date();
  isAway = Boolean(why);
  document.body.classList.toggle("stale", isAway);
  away.hidden = !isAway;
  const since = `${EXACT.format(updatedAt)} ${nameZone(updatedAt)}`;
  const text = isAway ? `The service ${why}. This page shows what was so at ${since}.` : "";
  if (away.textContent !== text) away.textContent = text; // told once, not at every try
  tellAge();
}

function tellAge() {
  if (fresh) fresh.textContent = `updated ${formatAge(updatedAt)} ago`;
}

// A part in which somebody has the focus, or something open, isn't swapped.
function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open]:not(.more), :popover-open, input:checked");
}

function show(part, html) {
  const drawn = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
  if (!drawn) return part;
  if (drawn.dataset.said !== part.dataset.said) {
    part.dataset.said = drawn.dataset.said;
    document.getElementById("said").textContent = drawn.dataset.said;
  }
  return isBusy(part) ? part : replace(part, drawn);
}

function replace(part, drawn) {
  // pictures that are still the same stay, so that nothing flickers
  const known = new Map([...part.querySelectorAll("img")].map((image) => [image.src, image]));
  for (const image of drawn.querySelectorAll("img")) {
    const kept = known.get(image.src);
    if (kept) image.replaceWith(kept);
  }
  part.replaceWith(drawn);
  showTimes(drawn);
  document.dispatchEvent(new CustomEvent("drawn", { detail: drawn }));
  return drawn;
}

for (const part of document.querySelectorAll("[data-live]")) {
  setTimeout(refresh, 1000 * Number(part.dataset.live), part);
}
setInterval(tellAge, 1000);
