// How many replicas a deployment has: pinned, autoscaled, or as its configuration says.

import { path, post } from "./api.js";
import { h, line, text } from "./dom.js";
import { plural } from "./format.js";

export const isReady = ({ state }) => state === "ready";
/** One for each replica: those that a server has together come as one with their number. */
const each = (version) =>
  (version.replicas ?? []).flatMap((replica) => Array(replica.count ?? 1).fill(replica));
export const replicas = (deployment) => (deployment.versions ?? []).flatMap(each);

export class ScaleControl {
  constructor(name) {
    this.name = name;
    this.deployment = null;
    /** What the user has chosen and not yet sent. Null: the controls follow the server. */
    this.draft = null;
    /** Whether the server said that the last change goes on. */
    this.unfinished = false;

    const id = `scale-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    const radio = (mode) => h("input", { type: "radio", name: id, value: mode, onchange: () => this.edit({ mode }) });
    const field = (label, key, attributes) => h("input", {
      type: "number", min: 0, step: 1, inputmode: "numeric", "aria-label": label, ...attributes,
      oninput: (event) => this.edit({ [key]: whole(event.target.value) }),
    });
    this.pinned = radio("pinned");
    this.autoscaled = radio("autoscaled");
    this.count = field("Replicas", "replicas");
    this.least = field("Fewest replicas", "min", { placeholder: "min" });
    this.most = field("Most replicas", "max", { placeholder: "max", min: 1 });
    const step = (by, label, sign) => h("button", {
      type: "button", class: "step", "aria-label": label,
      onclick: () => this.edit({ replicas: Math.max(0, (this.wanted.replicas ?? 0) + by) }),
    }, sign);
    this.pinFields = h("span", { class: "group" }, step(-1, "One replica fewer", "−"), this.count,
      step(1, "One replica more", "+"));
    this.boundFields = h("span", { class: "group" }, this.least, h("span", { "aria-hidden": "true" }, "to"), this.most);
    this.apply = h("button", { type: "submit", class: "primary" });
    this.release = h("button", {
      type: "button", onclick: () => this.send({ autoscale: false }), title: "Takes back what was said here",
    }, "As configured");
    this.answer = h("p", { class: "answer", role: "status" });
    this.element = h("form", {
      class: "scale", "aria-label": `Scale ${name}`,
      onsubmit: (event) => {
        event.preventDefault();
        this.send(this.body);
      },
    },
    h("div", { class: "choice" }, h("label", {}, this.pinned, "Pinned"), h("label", {}, this.autoscaled, "Autoscaled")),
    h("div", { class: "controls" }, this.pinFields, this.boundFields, this.apply, this.release), this.answer);
  }

  update(deployment) {
    this.deployment = deployment;
    if (this.unfinished && isScaled(deployment)) {
      this.unfinished = false;
      line(this.answer, `${plural(deployment.scale.replicas, "replica")} ready`);
    }
    this.render();
  }

  /** What the controls show. */
  get wanted() {
    const { mode, replicas: wanted, min, max } = this.deployment?.scale ?? {};
    const pinned = wanted ?? replicas(this.deployment ?? {}).filter(isReady).length;
    return { mode: mode ?? "pinned", replicas: pinned, min: min ?? null, max: max ?? null, ...this.draft };
  }

  get body() {
    const { mode, replicas, min, max } = this.wanted;
    if (mode === "pinned") return { replicas };
    return min === null && max === null ? { autoscale: true } : { min, max };
  }

  get command() {
    const { mode, replicas, min, max } = this.wanted;
    if (mode === "pinned") return replicas === 0 ? "Put to sleep" : `Pin ${plural(replicas ?? 0, "replica")}`;
    return min === null && max === null ? "Autoscale as configured" : `Autoscale ${min ?? "?"} to ${max ?? "?"}`;
  }

  get isComplete() {
    const { mode, replicas, min, max } = this.wanted;
    if (mode === "pinned") return replicas !== null;
    return (min === null && max === null) || (min !== null && max !== null && min <= max && max > 0);
  }

  edit(change) {
    this.draft = { ...this.draft, ...change };
    this.render();
  }

  render() {
    const { mode, replicas, min, max } = this.wanted;
    this.pinned.checked = mode === "pinned";
    this.autoscaled.checked = mode === "autoscaled";
    this.pinFields.hidden = mode !== "pinned";
    this.boundFields.hidden = mode !== "autoscaled";
    for (const [field, value] of [[this.count, replicas], [this.least, min], [this.most, max]]) {
      if (document.activeElement !== field || whole(field.value) !== value) field.value = value ?? "";
    }
    text(this.apply, this.command);
    this.apply.disabled = this.draft === null || !this.isComplete;
    this.release.hidden = this.deployment?.scale?.source !== "admin";
  }

  async send(body) {
    line(this.answer, "…");
    try {
      const { body: reply } = await post(path`admin/v1/deployments/${this.name}/scale`, body);
      this.draft = null;
      this.unfinished = reply?.done === false;
      const kept = reply?.durable === false ? " (until the next restart)" : "";
      line(this.answer, `${reply?.message ?? "Accepted"}${kept}`);
      this.answer.classList.remove("bad");
    } catch (error) {
      line(this.answer, error.message);
      this.answer.classList.add("bad");
    }
    this.render();
  }
}

/** Whether each version that serves has the replicas that are wanted of it. */
function isScaled(deployment) {
  const serving = (deployment.versions ?? []).filter(isReady);
  return serving.every((version) => each(version).filter(isReady).length === deployment.scale?.replicas);
}

/** The number in a field, or null while it has none. */
function whole(value) {
  return /^\d+$/.test(value.trim()) ? Number(value) : null;
}
