// @ts-check
// A form that was refused lies open over its page, and the address is the page's again. What somebody typed is kept while a form
// is on its way: where the session has ended meanwhile, it is back in the form after the sign-in. Passwords are never kept.
import { findAll, findAround, get, read } from "./dom.js";

const DRAFT = "emoscope-draft";
const COPIED_MS = 2000;
const { person, pageUrl } = document.body.dataset;
const isSignIn = document.querySelector("input[name=password][autocomplete=current-password]") !== null && !person;

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */
/** @typedef {{ page: string, action: string | null, person?: string, fields: [string, string][] }} Draft */

/**
 * The fields of a form that people fill in and that may be kept.
 *
 * @param {HTMLFormElement} form
 * @returns {Field[]}
 */
function listFields(form) {
  return findAll(form, "input, select, textarea", HTMLElement).filter((each) => isKept(each));
}

/**
 * @param {HTMLElement} element
 * @returns {element is Field}
 */
function isKept(element) {
  if (element instanceof HTMLInputElement) return Boolean(element.name) && !["hidden", "password", "file"].includes(element.type);
  return (element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement) && Boolean(element.name);
}

/** @param {HTMLFormElement} form */
function keepDraft(form) {
  const names = new Set(listFields(form).map((field) => field.name));
  /** @type {[string, string][]} */
  const fields = [];
  for (const [name, value] of new FormData(form)) if (names.has(name) && typeof value === "string") fields.push([name, value]);
  if (!fields.length) return;
  /** @type {Draft} */
  const draft = { page: location.pathname, action: form.getAttribute("action"), person, fields };
  sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}

/** @returns {Draft | null} */
function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {[string, string][]} fields
 */
function fillIn(form, fields) {
  for (const field of listFields(form)) {
    const values = fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
      field.checked = values.includes(field.value);
    } else if (values[0] !== undefined) field.value = values[0];
  }
}

function bringBack() {
  const draft = readDraft();
  if (!draft || isSignIn) return; // it waits until the user has signed in
  sessionStorage.removeItem(DRAFT);
  if (draft.person !== person || draft.page !== location.pathname || !document.referrer.includes("/sign-in")) return;
  const form = [...document.forms].find((each) => each.method === "post" && each.getAttribute("action") === draft.action);
  if (!form) return;
  fillIn(form, draft.fields);
  const told = document.createElement("p");
  told.className = "problem";
  told.setAttribute("role", "alert");
  told.textContent = "You were signed out, so this wasn't sent. What you typed is here again.";
  form.prepend(told);
  const dialog = form.closest("[popover]");
  if (dialog instanceof HTMLElement) dialog.showPopover();
}

function openRefused() {
  if (!pageUrl) return;
  history.replaceState(null, "", pageUrl); // loading the page again mustn't send the form again
  const dialog = document.querySelector("[data-refused]");
  if (!(dialog instanceof HTMLElement)) return;
  dialog.classList.remove("open");
  dialog.popover = "auto";
  dialog.showPopover();
  const wrong = dialog.querySelector("[aria-invalid]");
  (wrong instanceof HTMLElement ? wrong : dialog).focus();
  dialog.querySelector("a[aria-label=Close]")?.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.hidePopover();
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || event.defaultPrevented || form.method !== "post" || isSignIn) return;
  if (form.dataset.sent) return event.preventDefault(); // a second click on the same button
  form.dataset.sent = "yes";
  keepDraft(form);
});

addEventListener("pageshow", () => {
  for (const form of findAll(document, "form[data-sent]", HTMLFormElement)) delete form.dataset.sent;
});

// Copies what a button names, and says so on the button.
document.addEventListener("click", async (event) => {
  const button = findAround(event, "[data-copy]", HTMLElement);
  if (!button) return;
  const shown = get(read(button, "copy"), HTMLElement);
  const word = button.textContent;
  try {
    await navigator.clipboard.writeText(shown.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(shown); // without leave to copy, it is chosen at least
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => {
    button.textContent = word;
  }, COPIED_MS);
});

// What opens to be filled in has the focus at its first field.
document.addEventListener("toggle", (event) => {
  const opened = event.target;
  if (!(opened instanceof HTMLElement) || !(event instanceof ToggleEvent)) return;
  if (event.newState !== "open" || !opened.matches(".pop") || opened.contains(document.activeElement)) return;
  const first = opened.querySelector("form :is(input:not([type=hidden], [type=checkbox]), select)");
  if (first instanceof HTMLElement) first.focus();
}, true);

for (const button of findAll(document, "[data-copy]", HTMLElement)) button.hidden = false;
openRefused();
bringBack();
