"use strict";
// A form that was refused lies open over its page, and the address is the page's again. What somebody typed is kept while a form
// is on its way: where the session has ended meanwhile, it is back in the form after the sign-in. Passwords are never kept.

const DRAFT = "emoscope-draft";
const isSignIn = document.querySelector("input[name=password][autocomplete=current-password]") !== null && !document.body.dataset.person;

function keepDraft(form) {
  const fields = [...new FormData(form)].filter(([name, value]) => {
    const field = form.elements[name];
    return typeof value === "string" && name !== "csrf_token" && field?.type !== "password" && field?.type !== "hidden";
  });
  if (!fields.length) return;
  const draft = { page: location.pathname, action: form.getAttribute("action"), person: document.body.dataset.person, fields };
  sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT));
  } catch {
    return null;
  }
}

function fillIn(form, fields) {
  const sent = new Map();
  for (const [name, value] of fields) sent.set(name, [...(sent.get(name) ?? []), value]);
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || field.type === "password" || field.type === "file") continue;
    const values = sent.get(field.name) ?? [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (values.length) field.value = values[0];
  }
}

function findForm(action) {
  return [...document.forms].find((form) => form.method === "post" && form.getAttribute("action") === action);
}

function bringBack() {
  const draft = readDraft();
  if (!draft || isSignIn) return; // it waits for whoever signs in
  sessionStorage.removeItem(DRAFT);
  const form = draft.person === document.body.dataset.person && draft.page === location.pathname && findForm(draft.action);
  if (!form || !document.referrer.includes("/sign-in")) return;
  fillIn(form, draft.fields);
  const told = document.createElement("p");
  told.className = "problem";
  told.setAttribute("role", "alert");
  told.textContent = "You were signed out, so this wasn't sent. What you typed is here again.";
  form.prepend(told);
  form.closest("[popover]")?.showPopover();
}

function openRefused() {
  const { pageUrl } = document.body.dataset;
  if (!pageUrl) return;
  history.replaceState(null, "", pageUrl); // loading the page again mustn't send the form again
  const dialog = document.querySelector("[data-refused]");
  if (!dialog) return;
  dialog.classList.remove("open");
  dialog.popover = "auto";
  dialog.showPopover();
  (dialog.querySelector("[aria-invalid]") ?? dialog).focus();
  const close = dialog.querySelector("a[aria-label=Close]");
  close.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.hidePopover();
  });
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post" || isSignIn) return;
  if (event.target.dataset.sent) return event.preventDefault(); // a second click on the same button
  event.target.dataset.sent = "yes";
  keepDraft(event.target);
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Copies what a button names, and says so on the button.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  const word = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy)); // without leave to copy, it is chosen at least
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = word; }, 2000);
});

// What opens to be filled in has the focus at its first field.
document.addEventListener("toggle", (event) => {
  if (event.newState !== "open" || !event.target.matches(".pop") || event.target.contains(document.activeElement)) return;
  event.target.querySelector("form :is(input:not([type=hidden], [type=checkbox]), select)")?.focus();
}, true);

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
openRefused();
bringBack();
