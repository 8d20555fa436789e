"use strict";
// The faces of a photo: a box and its card belong together, the photo is zoomed and moved, and a focused card takes the keys of
// the review.

let viewer = null;
let frame = null;
let scale = 1;
let shift = [0, 0];
let drag = null;
let isDrawing = false;

function findPair(face) {
  return document.querySelectorAll(`[data-face="${CSS.escape(face)}"]`);
}

for (const kind of ["pointerover", "pointerout", "focusin", "focusout"]) {
  document.addEventListener(kind, (event) => {
    const face = event.target.closest?.("[data-face]")?.dataset.face;
    if (!face) return;
    const isOn = kind === "pointerover" || kind === "focusin";
    for (const each of findPair(face)) each.classList.toggle("linked", isOn);
  });
}

function place() {
  const box = viewer.getBoundingClientRect();
  const room = [box.width * (scale - 1), box.height * (scale - 1)];
  shift = shift.map((each, axis) => Math.min(0, Math.max(-room[axis], each)));
  frame.style.transformOrigin = "0 0";
  frame.style.transform = `translate(${shift[0]}px, ${shift[1]}px) scale(${scale})`;
  viewer.classList.toggle("zoomed", scale > 1);
}

function zoom(factor, at) {
  const before = scale;
  scale = factor === 0 ? 1 : Math.min(8, Math.max(1, scale * factor));
  const box = viewer.getBoundingClientRect();
  const [x, y] = at ?? [box.width / 2, box.height / 2];
  shift = [x - ((x - shift[0]) * scale) / before, y - ((y - shift[1]) * scale) / before];
  place();
}

function findPixel(event) {
  const svg = frame.querySelector("svg");
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const { width, height } = svg.viewBox.baseVal;
  return [Math.round(Math.min(width, Math.max(0, point.x))), Math.round(Math.min(height, Math.max(0, point.y)))];
}

function draw(from, to) {
  const drawn = document.getElementById("drawn");
  const box = { x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]), width: Math.abs(from[0] - to[0]), height: Math.abs(from[1] - to[1]) };
  for (const [name, value] of Object.entries(box)) drawn.setAttribute(name, value);
  drawn.removeAttribute("hidden");
  return box;
}

function finishDrawing(box) {
  isDrawing = false;
  viewer.classList.remove("drawing");
  const dialog = document.getElementById("missed");
  for (const [name, value] of Object.entries(box)) dialog.querySelector(`[name=${name}]`).value = value;
  setTimeout(() => dialog.showPopover()); // not in the event itself, whose end closes what lies open
}

function setUp() {
  viewer = document.querySelector("[data-viewer]");
  frame = document.getElementById("frame");
  [scale, shift, drag, isDrawing] = [1, [0, 0], null, false];
  if (!viewer) return;
  document.querySelector(".zoom").hidden = false;
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  viewer.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && scale === 1) return; // the page scrolls as usual until somebody zooms
    event.preventDefault();
    const box = viewer.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, [event.clientX - box.left, event.clientY - box.top]);
  }, { passive: false });
  viewer.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (isDrawing) drag = { from: findPixel(event), box: null };
    else if (scale > 1) drag = { start: [event.clientX - shift[0], event.clientY - shift[1]] };
    if (drag) viewer.setPointerCapture(event.pointerId);
  });
  viewer.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (drag.from) drag.box = draw(drag.from, findPixel(event));
    else {
      shift = [event.clientX - drag.start[0], event.clientY - drag.start[1]];
      place();
    }
  });
  viewer.addEventListener("pointerup", () => {
    if (drag?.box?.width && drag.box.height) finishDrawing(drag.box);
    drag = null;
  });
  viewer.addEventListener("click", (event) => {
    const face = event.target.closest("[data-face]")?.dataset.face;
    const card = face && document.getElementById(`face-${face}`);
    if (!card || isDrawing) return;
    card.scrollIntoView({ block: "nearest" });
    card.focus({ preventScroll: true });
  });
  const begin = document.querySelector("[data-draw]");
  if (begin) {
    begin.hidden = false;
    begin.addEventListener("click", () => {
      isDrawing = true;
      viewer.classList.add("drawing");
      document.getElementById("missed").hidePopover();
      viewer.scrollIntoView({ block: "nearest" });
    });
  }
}

setUp();
document.addEventListener("drawn", setUp); // the page came anew, with the faces of a job that has ended

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const card = event.target;
  if (!card.matches?.("article[data-face]") || localStorage.getItem("emoscope-review-keys") === "off") return;
  const form = card.querySelector(".choices");
  const choice = event.key === "Enter" ? card.dataset.emotion : null;
  const button = choice
    ? form?.querySelector(`[value="${CSS.escape(choice)}"]`)
    : form?.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!button) return;
  event.preventDefault();
  form.requestSubmit(button);
});

// After a vote the page comes back to the face.
if (location.hash.startsWith("#face-")) document.getElementById(location.hash.slice(1))?.focus();
