"use strict";
// The first card is the face to judge; the next are there already, with their pictures. A key judges, and the next face shows at
// once, while the vote goes to the server. Votes are sent one after the other, so that undo always finds them stored.

const place = document.querySelector(".reviewing");
const cards = document.getElementById("cards");
const allDone = document.getElementById("all-done");
const said = document.getElementById("said");
const toggle = document.getElementById("keys");
const KEYS = "emoscope-review-keys";
const votes = []; // this visit's votes, latest last: each the ids that undoing it withdraws
const waiting = new Set(); // faces whose votes aren't sent yet: the server would hand them out again
const unsure = new Set(); // faces whose vote may be stored, though its answer was lost
let sending = Promise.resolve();
let asked = 0; // how often for the statistics
const PATIENCE_MS = 30_000;

function send(url, fields) {
  const body = new URLSearchParams(new FormData(document.getElementById("search")));
  for (const [name, value] of fields) body.append(name, value);
  body.append("fragment", "yes");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetch(url, { method: "POST", body, headers: { "X-CSRF-Token": place.dataset.csrfToken }, signal }).then((answer) => {
    if (answer.redirected) {
      location.reload(); // signed out meanwhile: the page leads to the sign-in, and that back here
      throw new Error("you are signed out");
    }
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    return answer.text();
  });
}

function listFaces() {
  return [...cards.querySelectorAll(".judging")].map((card) => card.dataset.face);
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

function addCards(body, where) {
  const known = new Set([...listFaces(), ...waiting]);
  cards[where](...[...body.querySelectorAll(".judging")].filter((card) => !known.has(card.dataset.face)));
}

// Change the cards, and say so with the face that is first then. Whoever had the focus on a card that is gone or behind another
// one now has it on the first: the focus would fall back to the top of the page.
function change(step, text) {
  const before = findShown();
  const had = document.activeElement;
  const moves = had === document.body || had === before || cards.contains(had);
  step();
  allDone.hidden = waiting.size > 0 || cards.querySelector(".judging") !== null;
  const shown = findShown();
  if (shown !== before && moves) shown?.focus({ preventScroll: true });
  if (text || shown !== before) say([text, describe(shown)].filter(Boolean).join(". "));
}

// The face to judge, or what stands in its place when there is none; null while votes on the last ones are on their way.
function findShown() {
  return cards.querySelector(".judging") ?? (allDone.hidden ? null : allDone);
}

function describe(shown) {
  if (!shown || shown === allDone) return shown?.querySelector("h2").textContent;
  return `Face to judge: ${shown.dataset.emotion}, ${shown.dataset.confidence}`;
}

function judge(card, choice) {
  const face = card.dataset.face;
  waiting.add(face);
  change(() => card.remove(), choice.replaceAll("_", " "));
  queue(async () => {
    waiting.delete(face);
    const fields = [["face_id", face], ["choice", choice], ...[...listFaces(), ...waiting].map((each) => ["shown", each])];
    const body = parse(await send(place.dataset.voteUrl, fields));
    const { vote, replaces } = body.querySelector("[data-vote]").dataset;
    // what took the place of a vote that seemed lost is undone together with it, or that one would stand again
    votes.push(unsure.has(face) && replaces ? [vote, replaces] : [vote]);
    change(() => addCards(body, "append"));
  }, () => {
    waiting.delete(face);
    unsure.add(face);
    cards.prepend(card);
  });
}

function undo() {
  let vote;
  queue(async () => {
    vote = votes.pop();
    if (!vote) return say("nothing to undo");
    const body = parse(await send(place.dataset.undoUrl, vote.map((id) => ["vote_id", id])));
    change(() => addCards(body, "prepend"), "undone");
  }, () => votes.push(vote));
}

function queue(step, repair) {
  const done = sending.then(step);
  sending = done.catch((error) => change(repair, `That didn't work: ${error.message}`));
  done.then(showStatistics, () => {});
}

// No vote waits for these, and an answer that was overtaken by a later one is not shown.
async function showStatistics() {
  const number = ++asked;
  const answer = await fetch(place.dataset.statisticsUrl, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  const html = answer?.ok && !answer.redirected ? await answer.text().catch(() => null) : null;
  if (html !== null && number === asked) document.getElementById("statistics").replaceChildren(...parse(html).childNodes);
}

showStatistics();

function say(text) {
  said.textContent = text;
}

function findChoice(card, key) {
  if (key === "Enter" || key === " ") return card.dataset.emotion;
  const button = card.querySelector(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
  return button && button.value;
}

function showKeys() {
  const isOn = localStorage.getItem(KEYS) !== "off";
  toggle.setAttribute("aria-checked", isOn);
  place.classList.toggle("without-keys", !isOn);
}

toggle.addEventListener("click", () => {
  localStorage.setItem(KEYS, toggle.getAttribute("aria-checked") === "true" ? "off" : "on");
  showKeys();
});
toggle.hidden = false;
showKeys();

document.addEventListener("keydown", (event) => {
  if (toggle.getAttribute("aria-checked") !== "true") return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, :popover-open")) return;
  if (event.target.closest("summary, a, button") && (event.key === "Enter" || event.key === " ")) return;
  if (event.key.toLowerCase() === "u" || event.key === "Backspace") {
    event.preventDefault();
    return undo();
  }
  const card = cards.querySelector(".judging");
  const choice = card && findChoice(card, event.key);
  if (choice) {
    event.preventDefault();
    judge(card, choice);
  }
});

cards.addEventListener("submit", (event) => {
  event.preventDefault();
  judge(event.target.closest(".judging"), event.submitter.value);
});
