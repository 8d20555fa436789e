// @ts-check
// The faces of a photo: a box and its card belong together, a missed face is drawn on the photo, and a focused card takes the keys of
// the review.
import { find, findAll, findAround, get, read } from "./dom.js";
import { areKeysOn, findButton, isSingleKey } from "./keys.js";
import { Viewer } from "./viewer.js";

const FACE = "[data-face]";

for (const kind of ["pointerover", "pointerout", "focusin", "focusout"]) {
  document.addEventListener(kind, (event) => {
    const face = findAround(event, FACE, Element)?.getAttribute("data-face");
    if (!face) return;
    const isOn = kind === "pointerover" || kind === "focusin";
    const pair = document.querySelectorAll(`[data-face="${CSS.escape(face)}"]`);
    for (const each of pair) each.classList.toggle("linked", isOn);
  });
}

/** @param {import("./viewer.js").Box} box in pixels of the photo */
function fillIn(box) {
  const dialog = get("missed", HTMLElement);
  for (const [name, value] of Object.entries(box)) find(dialog, `[name=${name}]`, HTMLInputElement).value = String(value);
  setTimeout(() => dialog.showPopover()); // not in the event itself, whose end closes what lies open
}

function setUp() {
  const element = document.querySelector("[data-viewer]");
  if (!(element instanceof HTMLElement)) return; // the photo was deleted, or there are several on the page
  const viewer = new Viewer(element, get("frame", HTMLElement), fillIn);
  find(document, ".zoom", HTMLElement).hidden = false;
  for (const button of findAll(document, "[data-zoom]", HTMLElement)) {
    button.addEventListener("click", () => viewer.zoom(Number(read(button, "zoom"))));
  }
  element.addEventListener("click", (event) => {
    const face = findAround(event, FACE, Element)?.getAttribute("data-face");
    const card = face && document.getElementById(`face-${face}`);
    if (!card || viewer.isDrawing) return;
    card.scrollIntoView({ block: "nearest" });
    card.focus({ preventScroll: true });
  });
  const begin = document.querySelector("[data-draw]");
  if (!(begin instanceof HTMLElement)) return;
  begin.hidden = false;
  begin.addEventListener("click", () => {
    get("missed", HTMLElement).hidePopover();
    viewer.startDrawing();
  });
}

setUp();
document.addEventListener("drawn", setUp); // the page came anew, with the faces of a job that has ended

document.addEventListener("keydown", (event) => {
  const card = event.target;
  if (!isSingleKey(event) || !areKeysOn()) return;
  if (!(card instanceof HTMLElement) || !card.matches("article[data-face]")) return;
  const form = card.querySelector(".choices");
  if (!(form instanceof HTMLFormElement)) return;
  const { emotion } = card.dataset;
  const said = event.key === "Enter" && emotion ? form.querySelector(`[value="${CSS.escape(emotion)}"]`) : null;
  const button = said instanceof HTMLButtonElement ? said : findButton(form, event.key);
  if (!button) return;
  event.preventDefault();
  form.requestSubmit(button);
});

// After a vote the page comes back to the face.
if (location.hash.startsWith("#face-")) document.getElementById(location.hash.slice(1))?.focus();
