"use strict";
// The first card is the face to judge; the next are there already, with their pictures. A key judges, and the next face shows at
// once, while the vote goes to the server. Votes are sent one after the other, so that undo always finds them stored.

const place = document.querySelector(".reviewing");
const cards = document.getElementById("cards");
const allDone = document.getElementById("all-done");
const said = document.getElementById("said");
const votes = []; // ids of this visit's votes, latest last
let sending = Promise.resolve();
let asked = 0; // how often for the statistics
const PATIENCE_MS = 30_000;

function send(url, fields) {
  const body = new URLSearchParams(new FormData(document.getElementById("search")));
  for (const [name, value] of fields) body.append(name, value);
  body.append("fragment", "yes");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetch(url, { method: "POST", body, headers: { "X-CSRF-Token": place.dataset.proof }, signal }).then((answer) => {
    if (!answer.ok || answer.redirected) throw new Error(`the service answered ${answer.status}`);
    return answer.text();
  });
}

function listShown() {
  return [...cards.querySelectorAll(".judging")].map((card) => card.dataset.face);
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

function addCards(body, where) {
  const shown = new Set(listShown());
  const fresh = [...body.querySelectorAll(".judging")].filter((card) => !shown.has(card.dataset.face));
  cards[where](...fresh);
  allDone.hidden = cards.querySelector(".judging") !== null;
}

function judge(card, verdict) {
  card.remove();
  allDone.hidden = cards.querySelector(".judging") !== null;
  say(`${verdict.replaceAll("_", " ")}`);
  queue(async () => {
    const shown = listShown();
    const fields = [["face_id", card.dataset.face], ["verdict", verdict], ...shown.map((face) => ["shown", face])];
    const body = parse(await send(place.dataset.voteUrl, fields));
    votes.push(body.querySelector("[data-vote]").dataset.vote);
    addCards(body, "append");
  }, () => cards.prepend(card));
}

function undo() {
  queue(async () => {
    const vote = votes.pop();
    if (!vote) return say("nothing to undo");
    addCards(parse(await send(place.dataset.undoUrl, [["vote_id", vote]])), "prepend");
    say("undone");
  }, () => {});
}

function queue(step, repair) {
  const done = sending.then(step);
  sending = done.catch((error) => {
    repair();
    allDone.hidden = cards.querySelector(".judging") !== null;
    say(`That didn't work: ${error.message}`);
  });
  done.then(showStatistics, () => {});
}

// No vote waits for these, and an answer that was overtaken by a later one is not shown.
async function showStatistics() {
  const number = ++asked;
  const answer = await fetch(place.dataset.statisticsUrl, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  const html = answer?.ok ? await answer.text().catch(() => null) : null;
  if (html !== null && number === asked) document.getElementById("statistics").replaceChildren(...parse(html).childNodes);
}

showStatistics();

function say(text) {
  said.textContent = text;
}

function findVerdict(card, key) {
  if (key === "Enter" || key === " ") return card.dataset.emotion;
  const button = card.querySelector(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
  return button && button.value;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, :popover-open")) return;
  if (event.target.closest("summary, a, button") && (event.key === "Enter" || event.key === " ")) return;
  if (event.key.toLowerCase() === "u" || event.key === "Backspace") {
    event.preventDefault();
    return undo();
  }
  const card = cards.querySelector(".judging");
  const verdict = card && findVerdict(card, event.key);
  if (verdict) {
    event.preventDefault();
    judge(card, verdict);
  }
});

cards.addEventListener("submit", (event) => {
  event.preventDefault();
  judge(event.target.closest(".judging"), event.submitter.value);
});
