"use strict";
// Parts of the page that follow what happens: `data-live="2"` is fetched anew every two seconds, as the same page draws it.
// A part that is no longer marked in the new page was drawn for the last time.

async function refresh(part) {
  const isBusy = document.hidden || part.contains(document.activeElement) || part.querySelector("details[open], :popover-open");
  if (!isBusy) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.reload(); // signed out meanwhile
      if (answer.ok) part = replace(part, await answer.text());
    } catch {
      // the service is away; the next try may find it
    }
  }
  if (part.dataset.live) setTimeout(refresh, 1000 * Number(part.dataset.live), part);
}

function replace(part, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
  if (!fresh) return part;
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
