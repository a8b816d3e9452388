// One deployment: how it is, what it does, why, and what can be done about it.

import { costCurve, Sparkline, Timeline } from "./charts.js";
import { h, line, list, set, text } from "./dom.js";
import { count, duration, plural } from "./format.js";
import { History, sample } from "./history.js";
import { replicas, ScaleControl } from "./scale.js";
import { TryIt } from "./try.js";

/** More replicas than this aren't drawn one by one in the card's head. */
const PIPS = 16;
const STEPS = ["loading", "warming", "trial", "moving", "settling"];

export const needsAttention = ({ state }) => state !== "ready" && state !== "asleep";

export class DeploymentCard {
  constructor(name, isOpen, onopen) {
    this.name = name;
    this.history = new History();
    this.pointer = null;
    this.deployment = null;

    this.chip = h("span", { class: "chip" });
    this.source = h("span", { class: "source" });
    this.pips = h("span", { class: "pips", "aria-hidden": "true" });
    this.size = h("span", {});
    this.reason = h("p", { class: "reason" });
    const id = `d-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
    this.detail = h("div", { class: "detail", id });
    this.toggle = h("button",
      { type: "button", class: "toggle", "aria-controls": id, onclick: () => onopen(!this.isOpen) },
      h("span", { class: "chevron", "aria-hidden": "true" }), h("span", { class: "name" }, name));
    const onpoint = (at) => {
      this.pointer = at;
      this.drawMeters(Date.now());
    };
    this.meters = [
      new Sparkline({ title: "requests/s", unit: "per second", series: [{ key: "rate" }], onpoint,
        hint: "Requests a second over the last minute, all versions" }),
      new Sparkline({ title: "latency ms", unit: "milliseconds", onpoint, isLogarithmic: true,
        series: [{ key: "p50", name: "p50" }, { key: "p95", name: "p95" }, { key: "p99", name: "p99" }],
        hint: "From arrival to the encoded reply, over the last minute; the slowest version" }),
      new Sparkline({ title: "rows/batch", unit: "rows", series: [{ key: "rows" }], onpoint,
        hint: "Mean number of rows in a batch over the last minute" }),
    ];
    this.element = h("article", { class: "deployment", "aria-label": `Deployment ${name}` },
      h("div", { class: "head" },
        h("div", { class: "identity" },
          h("h3", {}, this.toggle),
          h("div", { class: "facts" }, this.chip, h("span", { class: "size" }, this.pips, this.size), this.source)),
        h("div", { class: "meters" }, ...this.meters.map(({ element }) => element))),
      this.reason, this.detail);
    this.open(isOpen);
  }

  get isOpen() {
    return this.toggle.getAttribute("aria-expanded") === "true";
  }

  open(isOpen) {
    set(this.toggle, "aria-expanded", String(isOpen));
    this.detail.hidden = !isOpen;
    if (isOpen && this.deployment) this.drawDetail(Date.now());
  }

  update(deployment, now) {
    this.deployment = deployment;
    this.history.add(sample(deployment, now));
    this.drawHead();
    this.drawMeters(now);
    if (this.isOpen) this.drawDetail(now);
  }

  drawHead() {
    const { state, reason, update, configuration, scale, warnings } = this.deployment;
    set(this.element, "data-state", state);
    set(this.chip, "data-state", state);
    text(this.chip, state ?? "unknown");
    text(this.source, configuration?.source ?? "");
    set(this.source, "title", sourceText(configuration));
    const all = replicas(this.deployment);
    const ready = all.filter(({ state }) => state === "ready").length;
    list(this.pips, all.slice(0, PIPS).map((replica, index) => ({ ...replica, index })), ({ index }) => index,
      () => h("i", {}), (pip, { state }) => set(pip, "data-state", state));
    text(this.size, `${ready === all.length ? ready : `${ready}/${all.length}`} ${scale?.mode ?? ""}`);
    set(this.size, "title", `${plural(ready, "replica")} ready of ${all.length}, ${scale?.mode ?? ""}`);
    line(this.reason, [reason ?? update?.reason, ...(warnings ?? [])].filter(Boolean).join("\n"));
    set(this.reason, "data-state", reason || update?.reason ? state : "warning");
  }

  drawMeters(now) {
    const shown = this.pointer === null ? this.history.last : this.history.near(this.pointer);
    for (const meter of this.meters) meter.update(this.history.samples, now, shown, this.pointer);
    const failures = shown?.failures;
    text(this.meters[0].failures, failures > 0 ? plural(failures, "failure") : "");
  }

  // MARK: - Detail

  /** Made on first use: fifty closed cards need none of it. */
  makeDetail() {
    this.progress = h("ol", { class: "progress" });
    this.progressText = h("p", {});
    this.updating = h("section", { class: "update" }, h("h4", {}, "Update"), this.progress, this.progressText);
    this.versions = h("div", { class: "versions" });
    this.timeline = new Timeline();
    this.noDecisions = h("p", { class: "dim" }, "No decision of the autoscaler yet.");
    this.scale = new ScaleControl(this.name);
    this.batching = h("div", { class: "batching" });
    this.values = h("pre", { tabindex: 0 });
    this.file = h("p", { class: "dim" });
    this.detail.append(
      this.updating, this.versions,
      h("section", { class: "scaling" },
        h("h4", {}, "Replicas wanted"), this.scale.element, this.timeline.element, this.noDecisions),
      this.batching,
      new TryIt(this.name).element,
      h("details", { class: "configuration" }, h("summary", {}, "Configuration"), this.file, this.values));
  }

  drawDetail(now) {
    if (!this.scale) this.makeDetail();
    const { update, versions, decisions, configuration, scale } = this.deployment;
    this.drawUpdate(update, now);
    list(this.versions, versions ?? [], ({ version }) => version, makeVersion, drawVersion);
    this.scale.update(this.deployment);
    this.timeline.update(decisions ?? [], now);
    this.noDecisions.hidden = (decisions ?? []).length > 0 || scale?.mode !== "autoscaled";
    const learned = (versions ?? []).filter(({ batching }) => batching);
    list(this.batching, learned, ({ version }) => version, makeBatching,
      (element, version) => drawBatching(element, version, learned.length > 1));
    text(this.file, sourceText(configuration));
    text(this.values, JSON.stringify(configuration?.values ?? {}, null, 2));
  }

  drawUpdate(update, now) {
    this.updating.hidden = !update;
    if (!update) return;
    set(this.updating, "data-state", update.state);
    const reached = STEPS.indexOf(update.state);
    list(this.progress, update.state === "halted" ? [...STEPS.slice(0, 3), "halted"] : STEPS, (step) => step,
      (step) => h("li", {}, step),
      (element, step) => {
        const isCurrent = step === update.state;
        set(element, "aria-current", isCurrent ? "step" : null);
        set(element, "class", reached > STEPS.indexOf(step) ? "past" : null);
      });
    const numbers = (list) => (list?.length ? list.join(", ") : "none");
    const since = Date.parse(update.started_at);
    const age = Number.isFinite(since) ? `, for ${duration((now - since) / 1000)}` : "";
    // Often the reason of the whole deployment, which the head tells.
    const why = update.reason && update.reason !== this.deployment.reason ? `: ${update.reason}` : "";
    text(this.progressText, `Version ${numbers(update.from)} → ${numbers(update.to)}${age}${why}`);
  }
}

function sourceText(configuration) {
  switch (configuration?.source) {
    case "defaults": return "The defaults: no file says otherwise";
    case "file": return `From ${configuration.file ?? "a file"}`;
    case "admin": {
      const { overrides } = configuration;
      return `Set through the admin endpoint${overrides ? `; ${overrides} does not count meanwhile` : ""}`;
    }
    default: return "";
  }
}

// MARK: - Versions and their replicas

const COLUMNS = ["replica", "state", "ongoing", "batches", "age"];

function makeVersion({ version }) {
  const cell = (label) => h("div", {}, h("dt", {}, label), h("dd", {}));
  return h("section", { class: "version" },
    h("h4", {}, `Version ${version} `, h("span", { class: "chip" }), h("span", { class: "default" })),
    h("dl", { class: "figures" }, cell("ongoing"), cell("queued"), cell("age"), cell("hash"), cell("file")),
    h("p", { class: "reason" }),
    h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, ...COLUMNS.map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}))));
}

function drawVersion(element, version) {
  const chip = element.querySelector(".chip");
  text(chip, version.state ?? "unknown");
  set(chip, "data-state", version.state);
  text(element.querySelector(".default"), version.default ? "default" : "");
  const figures = [
    count(version.ongoing), count(version.queued), duration(version.age_s), shortHash(version.hash),
    version.path ?? "–",
  ];
  const cells = element.querySelectorAll("dd");
  figures.forEach((figure, index) => text(cells[index], figure));
  set(cells[3], "title", version.hash);
  line(element.querySelector(".reason"), version.reason);
  const body = element.querySelector("tbody");
  body.parentElement.hidden = !version.replicas?.length;
  list(body, version.replicas ?? [], ({ id }) => id,
    () => h("tr", {}, h("th", { scope: "row" }), ...COLUMNS.slice(1).map(() => h("td", {}))), drawReplica);
}

function drawReplica(row, replica) {
  const several = (replica.count ?? 1) === 1 ? "" : ` (${plural(replica.count, "replica")})`;
  const place = replica.node && replica.node !== "local" ? ` on ${replica.node}${several}` : "";
  const state = replica.last_error ? `${replica.state}: ${replica.last_error}` : replica.state;
  const values = [
    `${replica.id}${place}`, state ?? "–", count(replica.ongoing), count(replica.batches), duration(replica.age_s),
  ];
  values.forEach((value, index) => text(row.children[index], value));
  set(row, "data-state", replica.state);
}

/** Enough of a hash to tell versions apart; the whole is in the title. */
function shortHash(hash) {
  return hash ? hash.replace(/^sha256:/, "").slice(0, 12) : "–";
}

// MARK: - Batching

function makeBatching() {
  return h("section", {}, h("h4", {}), h("p", { class: "force-text" }), h("div", { class: "curves" }));
}

function drawBatching(element, { version, batching }, namesVersion) {
  text(element.querySelector("h4"), `Batches${namesVersion ? ` of version ${version}` : ""}`);
  const of = batching.max_rows ? ` of at most ${batching.max_rows}` : "";
  text(element.querySelector(".force-text"),
    `${count(batching.rows_in_force)} rows in force${of}: ${batching.reason ?? ""}`);
  const costs = batching.costs ?? [];
  // The charts are made anew, so only when what they show has changed.
  const drawn = JSON.stringify([costs, batching.rows_in_force]);
  if (element.drawn === drawn) return;
  element.drawn = drawn;
  element.querySelector(".curves").replaceChildren(...(costs.length === 0
    ? [h("p", { class: "dim" }, "Nothing is known of its cost yet.")]
    : [costCurve(costs, "milliseconds", "ms a batch", batching.rows_in_force),
       costCurve(costs, "rows_per_second", "rows/s", batching.rows_in_force)]));
}
