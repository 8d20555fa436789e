// @ts-check
// Any face on any page is corrected on the spot: a click on its picture asks what it appears to express, and the keys of the review
// vote on the picture that has the focus. Without a script the picture leads to its photo's page, where it is corrected.
import { find, findAll, findAround, get, read } from "./dom.js";
import { send, ServiceError, SESSION_ENDED } from "./http.js";
import { areKeysOn, findButton, isSingleKey, nameChoice } from "./keys.js";

const WAITING = "emoscope-correction";
const PICTURE = "[data-correct]";
const dialog = get("correct", HTMLElement);
const form = find(dialog, "form", HTMLFormElement);
const problem = find(dialog, ".problem", HTMLElement);
/** @type {HTMLAnchorElement | null} */
let asked = null;

/** @param {HTMLAnchorElement} picture */
function ask(picture) {
  asked = picture;
  problem.hidden = true;
  find(form, "[name=face_id]", HTMLInputElement).value = read(picture, "correct");
  find(dialog, "img", HTMLImageElement).src = find(picture, "img", HTMLImageElement).src;
  const { emotion } = picture.dataset; // none if the prediction is hidden
  const said = find(dialog, ".said", HTMLElement);
  said.textContent = emotion ?? "";
  if (said.parentElement) said.parentElement.hidden = !emotion;
  find(dialog, ".kept-back", HTMLElement).hidden = Boolean(emotion);
  find(dialog, ".photo", HTMLAnchorElement).href = picture.href;
  if (!dialog.matches(":popover-open")) dialog.showPopover();
  find(form, "button", HTMLButtonElement).focus();
}

/**
 * @param {HTMLAnchorElement} picture
 * @param {string} choice
 */
async function vote(picture, choice) {
  const face = read(picture, "correct");
  const fields = new FormData(form);
  fields.set("face_id", face);
  fields.set("choice", choice);
  fields.set("fragment", "yes");
  try {
    await send(read(dialog, "voteUrl"), { method: "POST", body: fields });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === SESSION_ENDED) return keep(face, choice);
    ask(picture);
    problem.textContent = `The vote "${nameChoice(choice)}" isn't stored: ${error.message}. Try it again.`;
    problem.hidden = false;
    return;
  }
  for (const each of findAll(document, `[data-correct="${CSS.escape(face)}"]`, HTMLElement)) tell(each, nameChoice(choice));
  get("corrected", HTMLElement).textContent = `Your vote: ${nameChoice(choice)}`;
  if (dialog.matches(":popover-open")) dialog.hidePopover();
  if (picture.isConnected) picture.focus();
  document.dispatchEvent(new CustomEvent("corrected", { detail: { face } }));
}

/**
 * @param {HTMLElement} picture
 * @param {string} choice
 */
function tell(picture, choice) {
  const told = picture.querySelector(".own") ?? picture.appendChild(document.createElement("span"));
  told.className = "own";
  told.textContent = `You: ${choice}`;
}

/**
 * Keep a vote that found the session ended: it is cast after the next sign-in.
 *
 * @param {string} face
 * @param {string} choice
 */
function keep(face, choice) {
  sessionStorage.setItem(WAITING, JSON.stringify({ person: document.body.dataset.person, face, choice }));
}

function castKept() {
  const kept = sessionStorage.getItem(WAITING);
  if (kept === null) return;
  sessionStorage.removeItem(WAITING);
  /** @type {{ person: string, face: string, choice: string }} */
  const { person, face, choice } = JSON.parse(kept);
  const picture = document.querySelector(`[data-correct="${CSS.escape(face)}"]`);
  if (picture instanceof HTMLAnchorElement && person === document.body.dataset.person) vote(picture, choice);
}

document.addEventListener("click", (event) => {
  const picture = findAround(event, PICTURE, HTMLAnchorElement);
  if (!picture || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  ask(picture);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asked && event.submitter instanceof HTMLButtonElement) vote(asked, event.submitter.value);
});

document.addEventListener("keydown", (event) => {
  if (!isSingleKey(event) || !areKeysOn()) return;
  const isOpen = event.target instanceof Node && dialog.contains(event.target);
  const picture = isOpen ? asked : findAround(event, PICTURE, HTMLAnchorElement);
  const button = picture && findButton(form, event.key);
  if (!picture || !button) return;
  event.preventDefault();
  vote(picture, button.value);
});

castKept();
