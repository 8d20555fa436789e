// @ts-check
// A photo that is zoomed and moved, and on which a box is drawn.
import { find, get } from "./dom.js";

const MOST = 8;
const STEP = 1.2;

/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/** @typedef {[number, number]} Point */

export class Viewer {
  isDrawing = false;
  #scale = 1;
  /** @type {Point} */
  #shift = [0, 0];
  /** @type {{ start: Point } | { from: Point, box: Box | null } | null} */
  #drag = null;
  #element;
  #frame;
  #onDrawn;

  /**
   * @param {HTMLElement} element what the photo is seen through
   * @param {HTMLElement} frame the photo, with an SVG of its size over it
   * @param {(box: Box) => void} onDrawn
   */
  constructor(element, frame, onDrawn) {
    this.#element = element;
    this.#frame = frame;
    this.#onDrawn = onDrawn;
    element.addEventListener("wheel", (event) => this.#turnWheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#startDrag(event));
    element.addEventListener("pointermove", (event) => this.#drag && this.#moveDrag(event));
    element.addEventListener("pointerup", () => this.#endDrag());
  }

  /** Let the next drag draw a box. */
  startDrawing() {
    this.isDrawing = true;
    this.#element.classList.add("drawing");
    this.#element.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {number} factor 0 for the whole photo
   * @param {Point} [at] the point that stays where it is, in pixels of the screen; by default the middle
   */
  zoom(factor, at) {
    const before = this.#scale;
    this.#scale = factor === 0 ? 1 : Math.min(MOST, Math.max(1, this.#scale * factor));
    const { width, height } = this.#element.getBoundingClientRect();
    const [x, y] = at ?? [width / 2, height / 2];
    const [left, top] = this.#shift;
    this.#place([x - ((x - left) * this.#scale) / before, y - ((y - top) * this.#scale) / before]);
  }

  /** @param {Point} shift of the photo's corner; no edge of the photo comes into view */
  #place([left, top]) {
    const { width, height } = this.#element.getBoundingClientRect();
    const limit = (/** @type {number} */ value, /** @type {number} */ side) =>
      Math.min(0, Math.max(-side * (this.#scale - 1), value));
    this.#shift = [limit(left, width), limit(top, height)];
    this.#frame.style.transformOrigin = "0 0";
    this.#frame.style.transform = `translate(${this.#shift[0]}px, ${this.#shift[1]}px) scale(${this.#scale})`;
    this.#element.classList.toggle("zoomed", this.#scale > 1);
  }

  /** @param {WheelEvent} event */
  #turnWheel(event) {
    if (!event.ctrlKey && this.#scale === 1) return; // the page scrolls as usual until somebody zooms
    event.preventDefault();
    const box = this.#element.getBoundingClientRect();
    this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, [event.clientX - box.left, event.clientY - box.top]);
  }

  /** @param {PointerEvent} event */
  #startDrag(event) {
    if (event.button !== 0) return;
    const [left, top] = this.#shift;
    if (this.isDrawing) this.#drag = { from: this.#findPixel(event), box: null };
    else if (this.#scale > 1) this.#drag = { start: [event.clientX - left, event.clientY - top] };
    if (this.#drag) this.#element.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #moveDrag(event) {
    const drag = this.#drag;
    if (drag === null) return;
    if ("start" in drag) this.#place([event.clientX - drag.start[0], event.clientY - drag.start[1]]);
    else drag.box = this.#draw(drag.from, this.#findPixel(event));
  }

  #endDrag() {
    const drag = this.#drag;
    this.#drag = null;
    if (drag === null || !("box" in drag) || !drag.box?.width || !drag.box.height) return;
    this.isDrawing = false;
    this.#element.classList.remove("drawing");
    this.#onDrawn(drag.box);
  }

  /**
   * The pixel of the photo that an event is at.
   *
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #findPixel(event) {
    const svg = find(this.#frame, "svg", SVGSVGElement);
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM()?.inverse());
    const { width, height } = svg.viewBox.baseVal;
    return [Math.round(Math.min(width, Math.max(0, point.x))), Math.round(Math.min(height, Math.max(0, point.y)))];
  }

  /**
   * @param {Point} from
   * @param {Point} to
   * @returns {Box}
   */
  #draw(from, to) {
    const box = {
      x: Math.min(from[0], to[0]),
      y: Math.min(from[1], to[1]),
      width: Math.abs(from[0] - to[0]),
      height: Math.abs(from[1] - to[1]),
    };
    const drawn = get("drawn", SVGRectElement);
    for (const [name, value] of Object.entries(box)) drawn.setAttribute(name, String(value));
    drawn.removeAttribute("hidden");
    return box;
  }
}
