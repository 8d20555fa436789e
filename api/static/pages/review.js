"use strict";
// The first card is the face to review; the next are there already, with their pictures. A key votes, and the next face shows at
// once, while the vote goes to the server. Votes are sent one after the other, so that undo always finds them stored.

const place = document.querySelector(".reviewing");
const cards = document.getElementById("cards");
const allDone = document.getElementById("all-done");
const said = document.getElementById("said");
const toggle = document.getElementById("keys");
const KEYS = "emoscope-review-keys";
const votes = []; // this visit's votes, latest last: each the ids that undoing it withdraws
const OUTBOX = `emoscope-votes-${document.body.dataset.person}`; // by name: another person's votes wait for that person
const outbox = readOutbox(); // votes that the service hasn't confirmed, oldest first: face, choice, isUnsure
const removed = new Map(); // cards whose votes aren't confirmed, by face
let sending = Promise.resolve();
let asked = 0; // how often for the statistics
let retry = 0; // the timer of the next try
let pauseS = 1;
const PATIENCE_MS = 30_000;
const LONGEST_PAUSE_S = 30;
const SETTLE_MS = 350; // a click so soon after a face appeared was meant for the one before it
let shownAt = -Infinity; // the first face took no other's place

class Refused extends Error {}

function readOutbox() {
  try {
    return JSON.parse(localStorage.getItem(OUTBOX)) ?? [];
  } catch {
    return [];
  }
}

function keepOutbox() {
  if (outbox.length) localStorage.setItem(OUTBOX, JSON.stringify(outbox));
  else localStorage.removeItem(OUTBOX);
}

async function send(url, fields) {
  const body = new URLSearchParams(new FormData(document.getElementById("search")));
  for (const [name, value] of fields) body.append(name, value);
  body.append("fragment", "yes");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body, headers: { "X-CSRF-Token": place.dataset.csrfToken }, signal });
  } catch {
    throw new Error("the service can't be reached");
  }
  if (answer.redirected || answer.status === 403) {
    location.reload(); // signed out meanwhile: the page leads to the sign-in, and that back here, where the votes still wait
    throw new Error("you are signed out");
  }
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
    const said = parse(await answer.text()).querySelector("main p:not(.quiet)");
    throw new Refused(said?.textContent ?? `the service answered ${answer.status}`);
  }
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  return answer.text();
}

function listFaces() {
  return [...cards.querySelectorAll(".judging")].map((card) => card.dataset.face);
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

function addCards(body, where) {
  const known = new Set([...listFaces(), ...outbox.map((vote) => vote.face)]);
  cards[where](...[...body.querySelectorAll(".judging")].filter((card) => !known.has(card.dataset.face)));
}

// Change the cards, and say so with the face that is first then. Whoever had the focus on a card that is gone or behind another
// one now has it on the first: the focus would fall back to the top of the page.
function change(step, text) {
  const before = findShown();
  const had = document.activeElement;
  const moves = had === document.body || had === before || cards.contains(had);
  step();
  allDone.hidden = outbox.length > 0 || cards.querySelector(".judging") !== null;
  const shown = findShown();
  if (shown !== before) shownAt = performance.now();
  if (shown !== before && moves) shown?.focus({ preventScroll: true });
  if (text || shown !== before) say([text, describe(shown)].filter(Boolean).join(". "));
}

// The face to review, or what stands in its place when there is none; null while votes on the last ones are on their way.
function findShown() {
  return cards.querySelector(".judging") ?? (allDone.hidden ? null : allDone);
}

function describe(shown) {
  if (!shown || shown === allDone) return shown?.querySelector("h2").textContent;
  const { emotion, confidence } = shown.dataset;
  return emotion ? `Face to review: ${emotion}, ${confidence}` : "Face to review. What the model says is hidden until your vote";
}

function judge(card, choice) {
  const vote = { face: card.dataset.face, choice, isUnsure: false };
  outbox.push(vote);
  keepOutbox();
  removed.set(vote.face, card);
  change(() => card.remove(), choice.replaceAll("_", " "));
  if (outbox.length === 1 || !retry) empty();
}

// Send what waits, one after the other. What the service doesn't confirm stays, is told, and is sent again.
function empty() {
  clearTimeout(retry);
  retry = 0;
  const done = sending.then(async () => {
    while (outbox.length) {
      const [vote] = outbox;
      try {
        await deliver(vote);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        drop(vote);
        tell(`Your vote "${vote.choice.replaceAll("_", " ")}" was refused: ${error.message}`);
        continue;
      }
      pauseS = 1;
      if (outbox.length === 0) tell("");
    }
  });
  sending = done.catch((error) => {
    if (outbox.length) outbox[0].isUnsure = true; // it may be stored, and only the answer got lost
    keepOutbox();
    const count = outbox.length === 1 ? "1 vote isn't" : `${outbox.length} votes aren't`;
    tell(`${count} stored yet: ${error.message}. Trying again; nothing is lost when you leave this page.`, true);
    retry = setTimeout(empty, 1000 * pauseS);
    pauseS = Math.min(2 * pauseS, LONGEST_PAUSE_S);
  });
}

async function deliver(vote) {
  const shown = [...listFaces(), ...outbox.filter((each) => each !== vote).map((each) => each.face)];
  const fields = [["face_id", vote.face], ["choice", vote.choice], ...shown.map((face) => ["shown", face])];
  const body = parse(await send(place.dataset.voteUrl, fields));
  drop(vote);
  const { vote: id, replaces } = body.querySelector("[data-vote]").dataset;
  // what took the place of a vote that seemed lost is undone together with it, or that one would stand again
  votes.push(vote.isUnsure && replaces ? [id, replaces] : [id]);
  removed.delete(vote.face);
  change(() => addCards(body, "append"));
  showStatistics();
}

function drop(vote) {
  outbox.splice(outbox.indexOf(vote), 1);
  keepOutbox();
}

// Say it where everybody sees it. mayRetry: with a button that doesn't wait for the next try.
function tell(text, mayRetry = false) {
  const unsent = document.getElementById("unsent");
  if (unsent.firstChild?.textContent === text) return;
  unsent.hidden = !text;
  unsent.replaceChildren(text);
  if (!mayRetry) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = "Try now";
  button.addEventListener("click", empty);
  unsent.append(" ", button);
}

function undo() {
  if (outbox.length && retry) { // the latest vote never left: it is taken back here, unless it may be stored
    const vote = outbox.at(-1);
    if (!vote.isUnsure) {
      drop(vote);
      const card = removed.get(vote.face);
      return change(() => card && cards.prepend(card), "undone");
    }
  }
  const done = sending.then(async () => {
    const vote = votes.pop();
    if (!vote) return say("nothing to undo");
    try {
      const body = parse(await send(place.dataset.undoUrl, vote.map((id) => ["vote_id", id])));
      change(() => addCards(body, "prepend"), "undone");
      tell("");
    } catch (error) {
      votes.push(vote);
      tell(`The vote isn't undone: ${error.message}. Press U to try again.`);
    }
    return undefined;
  });
  sending = done;
  done.then(showStatistics);
}

// No vote waits for these, and an answer that was overtaken by a later one is not shown.
async function showStatistics() {
  const number = ++asked;
  const answer = await fetch(place.dataset.statisticsUrl, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  const html = answer?.ok && !answer.redirected ? await answer.text().catch(() => null) : null;
  if (html !== null && number === asked) document.getElementById("statistics").replaceChildren(...parse(html).childNodes);
}

showStatistics();

// One of the latest votes was corrected by its picture: the list is reloaded, and the picture keeps the focus.
document.addEventListener("corrected", async ({ detail }) => {
  await showStatistics();
  document.querySelector(`#statistics [data-correct="${CSS.escape(detail.face)}"]`)?.focus();
});

function say(text) {
  said.textContent = text;
}

function findChoice(card, key) {
  if (key === "Enter" || key === " ") return card.dataset.emotion; // none where what the model says is hidden
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
document.getElementById("undo").hidden = false;
document.getElementById("undo").addEventListener("click", undo);
showKeys();

document.addEventListener("keydown", (event) => {
  if (toggle.getAttribute("aria-checked") !== "true") return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, :popover-open, [data-correct]")) return; // a picture takes the keys for itself
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

// The second click of a double click is for the face that the first one voted on, not for the one that has just appeared.
cards.addEventListener("click", (event) => {
  const isByPointer = event.detail > 0;
  if (isByPointer && (event.detail > 1 || performance.now() - shownAt < SETTLE_MS) && event.target.closest(".choices button")) {
    event.preventDefault();
  }
}, true);

// Votes of an earlier visit that never arrived: their faces aren't shown again, and the votes are sent.
if (outbox.length) {
  for (const vote of outbox) cards.querySelector(`[data-face="${CSS.escape(vote.face)}"]`)?.remove();
  allDone.hidden = true;
  tell("Votes of your last visit are being sent.");
  empty();
}
