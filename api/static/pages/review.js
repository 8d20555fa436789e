// @ts-check
// The first card is the face to review; the next are there already, with their pictures. A key votes, and the next face shows at
// once, while the vote goes to the server. Votes are sent one after the other, so that undo always finds them stored.
import { find, findAll, findAround, get, parse, read } from "./dom.js";
import { send, ServiceError, SESSION_ENDED } from "./http.js";
import { areKeysOn, findButton, isSingleKey, nameChoice, switchKeys } from "./keys.js";
import { addVote, dropVote, keepOutbox, outbox } from "./outbox.js";

/** @import { Vote } from "./outbox.js" */

const page = find(document, ".reviewing", HTMLElement);
const cards = get("cards", HTMLElement);
const allDone = get("all-done", HTMLElement);
const said = get("said", HTMLElement);
const toggle = get("keys", HTMLElement);
const statistics = get("statistics", HTMLElement);
const undoButton = get("undo", HTMLElement);
const CARD = ".judging";
const SENDING_MS = 30_000;
const LONGEST_PAUSE_S = 30;
const SETTLE_MS = 350; // a click so soon after a face appeared was meant for the one before it
/** @type {string[][]} this visit's votes, latest last: each the ids that undoing it withdraws */
const votes = [];
/** @type {Map<string, HTMLElement>} cards whose votes aren't confirmed, by face */
const removed = new Map();
/** @type {Promise<void>} */
let sending = Promise.resolve();
let asked = 0; // how often for the statistics
let retry = 0; // the timer of the next try
let pauseS = 1;
let shownAt = -Infinity; // the first face took no other's place

/**
 * Post fields together with the filter of the page.
 *
 * @param {string} url
 * @param {[string, string][]} fields
 * @returns {Promise<HTMLElement>} the body of the answer
 */
async function post(url, fields) {
  const body = new FormData(get("search", HTMLFormElement));
  for (const [name, value] of fields) body.append(name, value);
  body.append("fragment", "yes");
  // signed out meanwhile: the page leads to the sign-in, and that back here, where the votes still wait
  const answer = await send(url, { method: "POST", body, deadlineMs: SENDING_MS });
  return parse(answer.text).body;
}

/** @param {HTMLElement} card */
function getFace(card) {
  return read(card, "face");
}

function listFaces() {
  return findAll(cards, CARD, HTMLElement).map(getFace);
}

/** @returns {HTMLElement | null} */
function findCard() {
  return cards.querySelector(CARD);
}

/**
 * @param {HTMLElement} body
 * @param {"append" | "prepend"} where
 */
function addCards(body, where) {
  const known = new Set([...listFaces(), ...outbox.map((vote) => vote.face)]);
  cards[where](...findAll(body, CARD, HTMLElement).filter((card) => !known.has(getFace(card))));
}

/**
 * Change the cards, and announce the face that is first afterwards. If the focus was on a card that is removed or no longer first, move
 * it to the first one: otherwise the browser moves it to the top of the page.
 *
 * @param {() => void} step
 * @param {string} [text]
 */
function change(step, text) {
  const before = findShown();
  const had = document.activeElement;
  const moves = had === document.body || had === before || cards.contains(had);
  step();
  allDone.hidden = outbox.length > 0 || findCard() !== null;
  const shown = findShown();
  if (shown !== before) shownAt = performance.now();
  if (shown !== before && moves) shown?.focus({ preventScroll: true });
  if (text || shown !== before) say([text, describe(shown)].filter(Boolean).join(". "));
}

/** The face to review, or what stands in its place when there is none; null while votes on the last ones are on their way. */
function findShown() {
  return findCard() ?? (allDone.hidden ? null : allDone);
}

/** @param {HTMLElement | null} shown */
function describe(shown) {
  if (shown === null) return "";
  if (shown === allDone) return find(allDone, "h2", HTMLElement).textContent;
  const { emotion, confidence } = shown.dataset;
  return emotion ? `Face to review: ${emotion}, ${confidence}` : "Face to review. The prediction is hidden until you vote";
}

/**
 * @param {HTMLElement} card
 * @param {string} choice
 */
function castVote(card, choice) {
  const face = getFace(card);
  addVote({ face, choice, isUnsure: false });
  removed.set(face, card);
  change(() => card.remove(), nameChoice(choice));
  if (outbox.length === 1 || !retry) emptyOutbox();
}

/** Send what waits, one after the other. What the service doesn't confirm stays, is told, and is sent again. */
function emptyOutbox() {
  clearTimeout(retry);
  retry = 0;
  sending = sending.then(sendAll).catch(tryLater);
}

async function sendAll() {
  for (let [vote] = outbox; vote; [vote] = outbox) {
    try {
      await deliver(vote);
    } catch (error) {
      if (!(error instanceof ServiceError) || !error.isFinal || error.code === SESSION_ENDED) throw error;
      dropVote(vote);
      tell(`Your vote "${nameChoice(vote.choice)}" was refused: ${error.message}`);
      continue;
    }
    pauseS = 1;
    if (outbox.length === 0) tell("");
  }
}

/** @param {unknown} error */
function tryLater(error) {
  if (!(error instanceof ServiceError)) throw error;
  const [first] = outbox;
  if (first) first.isUnsure = true; // it may be stored, and only the answer got lost
  keepOutbox();
  const count = outbox.length === 1 ? "1 vote isn't" : `${outbox.length} votes aren't`;
  tell(`${count} stored yet: ${error.message}. Trying again; nothing is lost when you leave this page.`, true);
  retry = setTimeout(emptyOutbox, 1000 * pauseS);
  pauseS = Math.min(2 * pauseS, LONGEST_PAUSE_S);
}

/** @param {Vote} vote */
async function deliver(vote) {
  const shown = [...listFaces(), ...outbox.filter((each) => each !== vote).map((each) => each.face)];
  const body = await post(read(page, "voteUrl"), [
    ["face_id", vote.face],
    ["choice", vote.choice],
    ...shown.map((face) => /** @type {[string, string]} */ (["shown", face])),
  ]);
  dropVote(vote);
  const stored = find(body, "[data-vote]", HTMLElement);
  const { replaces } = stored.dataset;
  // what took the place of a vote that seemed lost is undone together with it, or that one would stand again
  votes.push(vote.isUnsure && replaces ? [read(stored, "vote"), replaces] : [read(stored, "vote")]);
  removed.delete(vote.face);
  change(() => addCards(body, "append"));
  showStatistics();
}

/**
 * Say it where everybody sees it.
 *
 * @param {string} text
 * @param {boolean} [mayRetry] with a button that doesn't wait for the next try
 */
function tell(text, mayRetry = false) {
  const unsent = get("unsent", HTMLElement);
  if (unsent.firstChild?.textContent === text) return;
  unsent.hidden = !text;
  unsent.replaceChildren(text);
  if (!mayRetry) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = "Try now";
  button.addEventListener("click", emptyOutbox);
  unsent.append(" ", button);
}

function undo() {
  const latest = outbox.at(-1);
  if (latest && retry && !latest.isUnsure) { // it never left: it is taken back here
    dropVote(latest);
    const card = removed.get(latest.face);
    return change(() => card && cards.prepend(card), "undone");
  }
  sending = sending.then(undoStored);
  sending.then(showStatistics);
}

async function undoStored() {
  const vote = votes.pop();
  if (!vote) return say("nothing to undo");
  try {
    const body = await post(read(page, "undoUrl"), vote.map((id) => ["vote_id", id]));
    change(() => addCards(body, "prepend"), "undone");
    tell("");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    votes.push(vote);
    tell(`The vote isn't undone: ${error.message}. Press U to try again.`);
  }
}

/** No vote waits for these, and an answer that was overtaken by a later one is not shown. */
async function showStatistics() {
  const number = ++asked;
  try {
    const { text } = await send(read(page, "statisticsUrl"), { deadlineMs: SENDING_MS, leave: () => {} });
    if (number === asked) statistics.replaceChildren(...parse(text).body.childNodes);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error; // the next vote asks again
  }
}

/** @param {string} text */
function say(text) {
  said.textContent = text;
}

/**
 * @param {HTMLElement} card
 * @param {string} key
 */
function findChoice(card, key) {
  if (key === "Enter" || key === " ") return card.dataset.emotion; // none if the prediction is hidden
  return findButton(card, key)?.value;
}

function showKeys() {
  toggle.setAttribute("aria-checked", String(areKeysOn()));
  page.classList.toggle("without-keys", !areKeysOn());
}

toggle.addEventListener("click", () => {
  switchKeys(!areKeysOn());
  showKeys();
});

document.addEventListener("keydown", (event) => {
  if (!areKeysOn() || !isSingleKey(event)) return;
  if (findAround(event, "input, select, :popover-open, [data-correct]", Element)) return; // a picture takes the keys for itself
  if (findAround(event, "summary, a, button", Element) && (event.key === "Enter" || event.key === " ")) return;
  if (event.key.toLowerCase() === "u" || event.key === "Backspace") {
    event.preventDefault();
    return undo();
  }
  const card = findCard();
  const choice = card && findChoice(card, event.key);
  if (!card || !choice) return;
  event.preventDefault();
  castVote(card, choice);
});

cards.addEventListener("submit", (event) => {
  event.preventDefault();
  const card = findAround(event, CARD, HTMLElement);
  if (card && event.submitter instanceof HTMLButtonElement) castVote(card, event.submitter.value);
});

// The second click of a double click is for the face that the first one voted on, not for the one that has just appeared.
cards.addEventListener("click", (event) => {
  const isByPointer = event.detail > 0;
  const isTooSoon = event.detail > 1 || performance.now() - shownAt < SETTLE_MS;
  if (isByPointer && isTooSoon && findAround(event, ".choices button", Element)) event.preventDefault();
}, true);

// One of the latest votes was corrected by its picture: the list is reloaded, and the picture keeps the focus.
document.addEventListener("corrected", async ({ detail }) => {
  await showStatistics();
  const picture = statistics.querySelector(`[data-correct="${CSS.escape(detail.face)}"]`);
  if (picture instanceof HTMLElement) picture.focus();
});

undoButton.addEventListener("click", undo);
for (const each of [toggle, undoButton]) each.hidden = false;
showKeys();
showStatistics();

// Votes of an earlier visit that never arrived: their faces aren't shown again, and the votes are sent.
if (outbox.length) {
  for (const vote of outbox) cards.querySelector(`[data-face="${CSS.escape(vote.face)}"]`)?.remove();
  allDone.hidden = true;
  tell("Votes of your last visit are being sent.");
  emptyOutbox();
}
