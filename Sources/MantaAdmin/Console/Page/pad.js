// An 8×8 picture with values from 0 to 16, drawn by hand.

import { h } from "./dom.js";

const CELLS = 8;
/** A cell counts the ink of 4×4 dots, as in the data set of handwritten digits whose shape this is: so 16 is full. */
const DOTS = 4;
const SIDE = CELLS * DOTS;
/** In dots. Strokes of the data set are about this wide. */
const BRUSH = 2.4;

/** `onchange(values)` hears the 64 values, row by row, whenever a stroke has changed them. */
export class Pad {
  constructor(onchange) {
    this.onchange = onchange;
    this.ink = new Uint8Array(SIDE * SIDE);
    this.cursor = null;
    this.last = null;
    this.canvas = h("canvas", {
      width: 320, height: 320, tabindex: 0, role: "application", class: "pad",
      "aria-label":
        "Drawing pad, 8 by 8. Arrow keys move, Shift with arrow keys draws, space makes a dot, Delete clears.",
      onkeydown: (event) => this.key(event),
      onblur: () => this.moveCursor(null),
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.move(event),
      onpointerup: () => (this.last = null),
      onpointercancel: () => (this.last = null),
    });
    this.element = h("div", { class: "pad-frame" }, this.canvas,
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => this.clear() }, "Clear"),
        h("span", { class: "dim" }, "Draw large, with mouse, finger or arrow keys.")));
    this.colours = matchMedia("(prefers-color-scheme: dark)");
    this.colours.addEventListener("change", () => this.draw());
  }

  get values() {
    const sums = new Array(CELLS * CELLS).fill(0);
    this.ink.forEach((dot, index) => {
      const [row, column] = [Math.floor(index / SIDE), index % SIDE];
      sums[Math.floor(row / DOTS) * CELLS + Math.floor(column / DOTS)] += dot;
    });
    return sums;
  }

  clear() {
    this.ink.fill(0);
    this.changed();
  }

  press(event) {
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last, this.last);
  }

  move(event) {
    if (!this.last) return;
    // What the pointer did between two frames is drawn too, or quick strokes get corners.
    for (const step of event.getCoalescedEvents?.() ?? [event]) {
      const next = this.place(step);
      this.stroke(this.last, next);
      this.last = next;
    }
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
    if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key in steps) {
      const from = this.cursor ?? [SIDE / 2, SIDE / 2];
      const to = from.map((at, axis) => Math.min(SIDE - 1, Math.max(0, at + steps[event.key][axis] * 2)));
      if (event.shiftKey || event.key === " ") this.stroke(from, to);
      this.moveCursor(to);
    } else return;
    event.preventDefault();
  }

  moveCursor(to) {
    this.cursor = to;
    this.draw();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  /** Inks every dot whose middle is within the brush of the line. */
  stroke([fromX, fromY], [toX, toY]) {
    const [dx, dy] = [toX - fromX, toY - fromY];
    const length = dx * dx + dy * dy;
    for (let index = 0; index < this.ink.length; index += 1) {
      const [x, y] = [(index % SIDE) + 0.5, Math.floor(index / SIDE) + 0.5];
      const along = length ? Math.min(1, Math.max(0, ((x - fromX) * dx + (y - fromY) * dy) / length)) : 0;
      if (Math.hypot(x - fromX - along * dx, y - fromY - along * dy) <= BRUSH) this.ink[index] = 1;
    }
    this.changed();
  }

  changed() {
    this.draw();
    this.onchange(this.values);
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const size = this.canvas.width / CELLS;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.fillStyle = style.color;
    this.values.forEach((value, index) => {
      context.globalAlpha = value / 16;
      context.fillRect((index % CELLS) * size, Math.floor(index / CELLS) * size, size, size);
    });
    context.globalAlpha = 0.16;
    for (let cell = 1; cell < CELLS; cell += 1) {
      context.fillRect(cell * size, 0, 1, this.canvas.height);
      context.fillRect(0, cell * size, this.canvas.width, 1);
    }
    context.globalAlpha = 1;
    if (!this.cursor) return;
    context.strokeStyle = style.borderTopColor;
    context.lineWidth = 3;
    const [x, y] = this.cursor.map((at) => (at / SIDE) * this.canvas.width);
    context.strokeRect(x - 7, y - 7, 14, 14);
  }
}
