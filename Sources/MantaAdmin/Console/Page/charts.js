// Charts as inline SVG: they take the colours of the page, dark or light, and are sharp at any size.

import { h, list, set, svg, text } from "./dom.js";
import { clock, duration, number } from "./format.js";
import { SPAN_MS } from "./history.js";

/** The next round number that is not less: scales that change with every sample can't be read. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 5, 7, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

/** The power of ten that is not more. */
const floor = (value) => 10 ** Math.floor(Math.log10(value) + 1e-9);

// MARK: - The last five minutes

const MINUTE_MS = 60_000;
const WIDTH = 300;
const HEIGHT = 36;
/** Without a sample for so long the line breaks: nothing is known about the time between. */
const GAP_MS = 20_000;

/**
 * A quantity, or several on one scale, over the last five minutes. `series` is `[{key, name}]`, most important first.
 * `isLogarithmic`: the scale is, for quantities that differ by their factor, such as percentiles. `onpoint(time)`
 * hears where the pointer is, null when it leaves.
 */
export class Sparkline {
  constructor({ title, unit, series, hint, isLogarithmic, onpoint }) {
    this.isLogarithmic = isLogarithmic;
    this.series = series;
    this.unit = unit;
    this.title = title;
    this.values = series.map(() => h("b", {}));
    this.failures = h("span", { class: "failures" });
    this.high = h("span", { class: "ceiling" });
    this.low = h("span", { class: "ceiling floor" });
    this.area = svg("path", { class: "area" });
    this.lines = series.map((_, index) => svg("path", { class: `line line-${index}` }));
    this.grid = svg("path", { class: "grid" });
    this.cursor = svg("path", { class: "cursor" });
    this.when = h("span", { class: "when" });
    this.span = SPAN_MS;
    this.plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      this.grid, this.area, ...this.lines.toReversed(), this.cursor);
    const readings = series.map(({ name }, index) =>
      h("span", { class: `reading reading-${index}` }, name ? h("i", {}, name) : null, this.values[index]));
    this.element = h("div", { class: "meter" },
      h("div", { class: "readings" },
        h("span", { class: "label", title: hint }, title),
        h("span", { class: "values" }, ...readings), this.failures, this.when),
      h("div", { class: "plot" }, this.plot, this.high, this.low));
    this.plot.addEventListener("pointermove", (event) => {
      const box = this.plot.getBoundingClientRect();
      onpoint(Date.now() - (1 - (event.clientX - box.left) / box.width) * this.span);
    });
    this.plot.addEventListener("pointerleave", () => onpoint(null));
  }

  /** Draws the samples up to `now`, and tells the values of `shown`; `at` is where the pointer is, if anywhere. */
  update(samples, now, shown, at) {
    const known = samples.flatMap((sample) => this.series.map(({ key }) => sample[key])).filter((value) => value > 0);
    const top = ceiling(Math.max(0, ...known));
    // At least a factor of ten, or noise would look like change.
    const bottom = this.isLogarithmic && known.length ? Math.min(floor(Math.min(...known)), top / 10) : 0;
    // A page that was just opened has little to show, so the time shown grows by whole minutes.
    const minutes = Math.min(SPAN_MS / MINUTE_MS, Math.max(1, Math.ceil((now - (samples[0]?.at ?? now)) / MINUTE_MS)));
    this.span = minutes * MINUTE_MS;
    set(this.grid, "d", grid(minutes));
    const x = (sample) => WIDTH - ((now - sample.at) / this.span) * WIDTH;
    const decades = (value) => Math.log10(Math.max(value, bottom) / bottom);
    const share = (value) => (bottom ? decades(value) / decades(top) : value / top);
    const y = (value) => HEIGHT - 1 - share(value) * (HEIGHT - 3);
    this.series.forEach(({ key }, index) => set(this.lines[index], "d", trace(samples, key, x, y)));
    set(this.area, "d", this.series.length === 1 ? area(samples, this.series[0].key, x, y) : "");
    set(this.cursor, "d", at === null || !shown ? "" : `M${x(shown).toFixed(1)} 0V${HEIGHT}`);
    text(this.high, known.length ? number(top) : "");
    text(this.low, bottom ? number(bottom) : "");
    text(this.when, at === null || !shown ? `${minutes} min` : clock(shown.at));
    const readings = this.series.map(({ key }) => number(shown?.[key]));
    readings.forEach((reading, index) => text(this.values[index], reading));
    const spoken = this.series.map(({ name }, index) => `${name ?? ""} ${readings[index]}`).join(", ");
    set(this.plot, "aria-label", `${this.title} over ${minutes} min, now ${spoken} ${this.unit}`);
  }
}

/** A line for each whole minute. */
function grid(minutes) {
  const at = (index) => (((index + 1) * WIDTH) / minutes).toFixed(1);
  return Array.from({ length: minutes - 1 }, (_, index) => `M${at(index)} 0V${HEIGHT}`).join("");
}

function runs(samples, key) {
  const found = [];
  let previous = null;
  for (const sample of samples) {
    if (typeof sample[key] !== "number") continue;
    if (previous === null || sample.at - previous > GAP_MS) found.push([]);
    found.at(-1).push(sample);
    previous = sample.at;
  }
  return found;
}

function trace(samples, key, x, y) {
  return runs(samples, key).map((run) => {
    const points = run.map((sample) => `${x(sample).toFixed(1)} ${y(sample[key]).toFixed(1)}`);
    // A single point has no length: a short dash shows it.
    return `M${points.join("L")}${points.length === 1 ? "h1.5" : ""}`;
  }).join("");
}

function area(samples, key, x, y) {
  return runs(samples, key).filter((run) => run.length > 1).map((run) => {
    const points = run.map((sample) => `${x(sample).toFixed(1)} ${y(sample[key]).toFixed(1)}`);
    return `M${x(run[0]).toFixed(1)} ${HEIGHT}L${points.join("L")}V${HEIGHT}Z`;
  }).join("");
}

// MARK: - What batches cost

const CURVE = { width: 260, height: 112, left: 44, right: 12, top: 20, bottom: 20 };

/** One quantity of the learned cost curve against the rows of a batch, both on logarithmic scales. */
export function costCurve(costs, key, title, rowsInForce) {
  const points = costs.filter((cost) => cost.rows > 0 && cost[key] > 0).sort((one, other) => one.rows - other.rows);
  const { width, height, left, right, top, bottom } = CURVE;
  const rows = points.map((point) => point.rows).concat(rowsInForce > 0 ? [rowsInForce] : []);
  const x = logarithmic(rows, left, width - right);
  const y = logarithmic(points.map((point) => point[key]), height - bottom, top);
  const place = (point) => [x(point.rows).toFixed(1), y(point[key]).toFixed(1)];
  const label = (content, at, up, anchor, kind) =>
    svg("text", { x: at, y: up, "text-anchor": anchor, class: kind ?? "tick" }, content);
  const spoken = points.map((point) => `${number(point.rows)}: ${number(point[key])}`);
  const marks = [...new Set([points[0], points.at(-1)])];
  return svg("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img", class: "curve",
    "aria-label": `${title} by rows: ${spoken.join(", ")}`,
  },
  svg("path", { class: "axis", d: `M${left} ${top - 6}V${height - bottom}H${width - right}` }),
  rowsInForce > 0
    ? svg("path", { class: "force", d: `M${x(rowsInForce).toFixed(1)} ${top - 6}V${height - bottom}` }) : null,
  svg("path", { class: "line line-0", d: `M${points.map((point) => place(point).join(" ")).join("L")}` }),
  ...points.map((point) => {
    const [cx, cy] = place(point);
    return svg("circle", { cx, cy, r: 2.6, class: "point" },
      svg("title", {}, `${number(point.rows)} rows: ${number(point.milliseconds)} ms, ` +
        `${number(point.rows_per_second)} rows/s, ${number(point.batches)} batches`));
  }),
  label(title, 0, 10, "start", "name"),
  ...marks.map((point) => label(number(point[key]), left - 5, y(point[key]) + 3.5, "end")),
  ...marks.map((point) => label(number(point.rows), x(point.rows), height - 7, "middle")));
}

function logarithmic(values, from, to) {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  return (value) => (high > low ? from + ((Math.log(value) - low) / (high - low)) * (to - from) : (from + to) / 2);
}

// MARK: - Decisions

/** How many of the last decisions are drawn: more would hide each other. */
const DECISIONS = 60;

/**
 * The number of replicas as steps, each decision a mark that tells why. Marks are buttons, so that keys and fingers
 * reach them as the pointer does. Positions are set through the style object, which the security policy allows.
 */
export class Timeline {
  constructor() {
    this.chosen = null;
    this.namesVersion = false;
    this.steps = svg("svg", { viewBox: `0 0 1000 100`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.marks = h("div", { class: "marks" });
    this.top = h("span", { class: "ceiling" });
    this.start = h("span", {});
    this.headline = h("p", { class: "headline" });
    this.why = h("p", { class: "why" });
    this.inputs = h("dl", { class: "inputs" });
    this.element = h("div", { class: "timeline" },
      h("div", { class: "plot" }, this.steps, this.marks, this.top),
      h("div", { class: "times" }, this.start, h("span", {}, "now")),
      h("div", { class: "decision", "aria-live": "polite" }, this.headline, this.why, this.inputs));
  }

  update(all, now) {
    const decisions = all.map((decision) => ({ ...decision, time: Date.parse(decision.at) }))
      .filter(({ time }) => Number.isFinite(time)).sort((one, other) => one.time - other.time).slice(-DECISIONS);
    this.element.hidden = decisions.length === 0;
    if (!decisions.length) return;
    const from = Math.min(now - SPAN_MS, decisions[0].time - 10_000);
    const top = Math.max(2, ...decisions.flatMap((decision) => [decision.from, decision.to]));
    const x = (time) => Math.min(1, Math.max(0, (time - from) / (now - from)));
    const y = (replicas) => 1 - replicas / (top * 1.15);
    text(this.top, `${top} replicas`);
    text(this.start, `${duration((now - from) / 1000)} ago`);

    const versions = [...new Set(decisions.map(({ version }) => version))];
    list(this.steps, versions, String, () => svg("path", { class: "line" }), (element, version) => {
      const own = decisions.filter((decision) => decision.version === version);
      const turns = own.map(({ time, to }) => `H${(x(time) * 1000).toFixed(1)}V${(y(to) * 100).toFixed(1)}`);
      set(element, "class", `line line-${Math.min(2, versions.length - 1 - versions.indexOf(version))}`);
      set(element, "d", `M0 ${(y(own[0].from) * 100).toFixed(1)}${turns.join("")}H1000`);
    });

    const key = ({ at, version, to }) => `${at}/${version}/${to}`;
    const shown = decisions.find((decision) => key(decision) === this.chosen) ?? decisions.at(-1);
    list(this.marks, decisions, key, (decision) => this.mark(decision, key(decision)), (element, decision) => {
      element.style.left = `${(x(decision.time) * 100).toFixed(2)}%`;
      element.style.top = `${(y(decision.to) * 100).toFixed(2)}%`;
      set(element, "aria-pressed", String(decision === shown));
    });
    this.namesVersion = versions.length > 1;
    this.tell(shown);
  }

  mark(decision, key) {
    const choose = () => {
      this.chosen = key;
      for (const other of this.marks.children) set(other, "aria-pressed", String(other === mark));
      this.tell(decision);
    };
    const mark = h("button", {
      type: "button", class: decision.to < decision.from ? "fewer" : "more",
      "aria-label": `${clock(decision.at)}: from ${decision.from} to ${decision.to} replicas`,
      onclick: choose, onpointerenter: choose, onfocus: choose,
    });
    return mark;
  }

  tell(decision) {
    const version = this.namesVersion ? `, version ${decision.version}` : "";
    text(this.headline, `${clock(decision.at)}  ${decision.from} → ${decision.to}${version}`);
    text(this.why, decision.reason ?? "");
    const inputs = Object.entries(decision.inputs ?? {}).filter(([, value]) => value !== null);
    list(this.inputs, inputs, ([name]) => name, ([name]) => h("div", {}, h("dt", {}, name), h("dd", {})),
      (element, [, value]) =>
        text(element.lastElementChild, typeof value === "number" ? number(value) : String(value)));
  }
}
