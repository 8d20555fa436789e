"use strict";
// Parts of the page that follow what happens: `data-live="2"` is fetched anew every two seconds, as the same page draws it.
// A part that is no longer marked in the new page was drawn for the last time. What screen readers are to be told stands in its
// `data-said`, and is put outside of it, since a part that is swapped announces nothing.

async function refresh(part) {
  const mayTell = "said" in part.dataset;
  if (!document.hidden && (mayTell || !isBusy(part))) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected && !isBusy(part)) return location.reload(); // signed out meanwhile
      if (answer.ok && !answer.redirected) part = show(part, await answer.text());
    } catch {
      // the service is away; the next try may find it
    }
  }
  if (part.dataset.live) setTimeout(refresh, 1000 * Number(part.dataset.live), part);
}

// A part in which somebody has the focus, or something open, isn't swapped.
function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open], :popover-open");
}

function show(part, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
  if (!fresh) return part;
  if (fresh.dataset.said !== part.dataset.said) {
    part.dataset.said = fresh.dataset.said;
    document.getElementById("said").textContent = fresh.dataset.said;
  }
  return isBusy(part) ? part : replace(part, fresh);
}

function replace(part, fresh) {
  // pictures that are still the same stay, so that nothing flickers
  const known = new Map([...part.querySelectorAll("img")].map((image) => [image.src, image]));
  for (const image of fresh.querySelectorAll("img")) {
    const kept = known.get(image.src);
    if (kept) image.replaceWith(kept);
  }
  part.replaceWith(fresh);
  return fresh;
}

for (const part of document.querySelectorAll("[data-live]")) {
  setTimeout(refresh, 1000 * Number(part.dataset.live), part);
}
