"use strict";
// The values of a chart where one points, touches, or steps by the arrow keys. They are those of the table below the chart, so that
// both say the same; without a script the table is there.

function readChart(figure) {
  const [head, ...rows] = [...figure.querySelectorAll(".figures tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  return { names: head.slice(1), rows, places: figure.dataset.places.split(" ").map(Number) };
}

function findNearest(places, x) {
  let best = 0;
  for (const [index, place] of places.entries()) if (Math.abs(place - x) < Math.abs(places[best] - x)) best = index;
  return best;
}

function showValues(figure, index) {
  const { names, rows, places } = readChart(figure);
  if (!rows[index]) return;
  const plot = figure.querySelector(".plot");
  const tip = plot.querySelector(".tip") ?? plot.appendChild(Object.assign(document.createElement("div"), { className: "tip" }));
  const guide = plot.querySelector(".guide") ?? plot.appendChild(Object.assign(document.createElement("div"), { className: "guide" }));
  tip.setAttribute("role", "status");
  const [label, ...values] = rows[index];
  tip.replaceChildren(Object.assign(document.createElement("strong"), { textContent: label }));
  for (const [number, value] of values.entries()) {
    if (values.length > 3 && /^0(\.0+)?$/.test(value)) continue; // of many, those that are something
    tip.append(Object.assign(document.createElement("span"), { textContent: `${names[number]} ${value}` }));
  }
  const svg = plot.querySelector("svg");
  const x = svg.offsetLeft || svg.getBoundingClientRect().left - plot.getBoundingClientRect().left;
  const width = svg.getBoundingClientRect().width;
  const left = x + places[index] * width;
  guide.style.left = `${left}px`;
  tip.style.left = `${Math.min(Math.max(left - tip.offsetWidth / 2, 0), plot.clientWidth - tip.offsetWidth)}px`;
  figure.dataset.index = index;
}

function hideValues(figure) {
  for (const each of figure.querySelectorAll(".tip, .guide")) each.remove();
}

function setUpCharts(root) {
  for (const svg of root.querySelectorAll(".chart[data-places] .plot svg")) {
    const figure = svg.closest(".chart");
    svg.setAttribute("tabindex", "0");
    const point = (event) => {
      const box = svg.getBoundingClientRect();
      showValues(figure, findNearest(readChart(figure).places, (event.clientX - box.left) / box.width));
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideValues(figure));
    svg.addEventListener("focus", () => svg.matches(":focus-visible") && showValues(figure, Number(figure.dataset.index ?? 0)));
    svg.addEventListener("blur", () => hideValues(figure));
    svg.addEventListener("keydown", (event) => {
      const last = readChart(figure).places.length - 1;
      const now = Number(figure.dataset.index ?? 0);
      const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") hideValues(figure);
      if (to === undefined) return;
      event.preventDefault();
      showValues(figure, Math.min(last, Math.max(0, to)));
    });
  }
}

setUpCharts(document);
document.addEventListener("drawn", (event) => setUpCharts(event.detail));
