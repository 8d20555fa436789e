// @ts-check
// The values of a chart where one points, touches, or steps by the arrow keys. They are those of the table below the chart, so that
// both say the same; without a script the table is there.
import { find, findAll, read } from "./dom.js";

/** @param {HTMLElement} figure */
function readChart(figure) {
  const [head = [], ...rows] = findAll(figure, ".figures tr", HTMLTableRowElement).map((row) =>
    [...row.cells].map((cell) => cell.textContent ?? "")
  );
  return { names: head.slice(1), rows, places: read(figure, "places").split(" ").map(Number) };
}

/**
 * @param {number[]} places
 * @param {number} x
 */
function findNearest(places, x) {
  const distances = places.map((place) => Math.abs(place - x));
  return distances.indexOf(Math.min(...distances));
}

/**
 * @param {HTMLElement} plot
 * @param {string} name
 */
function findOrMake(plot, name) {
  const found = plot.querySelector(`.${name}`) ?? plot.appendChild(make("div", ""));
  found.className = name;
  return /** @type {HTMLElement} */ (found);
}

/**
 * @param {string} tag
 * @param {string} text
 */
function make(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/**
 * @param {HTMLElement} figure
 * @param {number} index
 */
function showValues(figure, index) {
  const { names, rows, places } = readChart(figure);
  const row = rows[index];
  const place = places[index];
  if (!row || place === undefined) return;
  const plot = find(figure, ".plot", HTMLElement);
  const tip = findOrMake(plot, "tip");
  const guide = findOrMake(plot, "guide");
  tip.setAttribute("role", "status");
  const [label = "", ...values] = row;
  tip.replaceChildren(make("strong", label));
  for (const [number, value] of values.entries()) {
    if (values.length > 3 && /^0(\.0+)?$/.test(value)) continue; // of many, those that are something
    tip.append(make("span", `${names[number]} ${value}`));
  }
  const box = find(plot, "svg", SVGElement).getBoundingClientRect();
  const left = box.left - plot.getBoundingClientRect().left + place * box.width;
  guide.style.left = `${left}px`;
  tip.style.left = `${Math.min(Math.max(left - tip.offsetWidth / 2, 0), plot.clientWidth - tip.offsetWidth)}px`;
  figure.dataset.index = String(index);
}

/** @param {HTMLElement} figure */
function hideValues(figure) {
  for (const each of figure.querySelectorAll(".tip, .guide")) each.remove();
}

/**
 * @param {HTMLElement} figure
 * @param {SVGElement} svg
 */
function setUpChart(figure, svg) {
  const findIndex = () => Number(figure.dataset.index ?? 0);
  /** @param {PointerEvent} event */
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    showValues(figure, findNearest(readChart(figure).places, (event.clientX - box.left) / box.width));
  };
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideValues(figure));
  svg.addEventListener("focus", () => svg.matches(":focus-visible") && showValues(figure, findIndex()));
  svg.addEventListener("blur", () => hideValues(figure));
  svg.addEventListener("keydown", (event) => {
    const last = readChart(figure).places.length - 1;
    const to = new Map([["ArrowLeft", findIndex() - 1], ["ArrowRight", findIndex() + 1], ["Home", 0], ["End", last]]).get(
      event.key,
    );
    if (event.key === "Escape") hideValues(figure);
    if (to === undefined) return;
    event.preventDefault();
    showValues(figure, Math.min(last, Math.max(0, to)));
  });
}

/** @param {ParentNode} root */
function setUpCharts(root) {
  for (const figure of findAll(root, ".chart[data-places]", HTMLElement)) {
    const svg = figure.querySelector(".plot svg");
    if (svg instanceof SVGElement) setUpChart(figure, svg);
  }
}

setUpCharts(document);
document.addEventListener("drawn", (event) => setUpCharts(event.detail));
