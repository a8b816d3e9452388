// A model's signature as a form: ask it something and see what it answers and how long that took.

import { get, path, post } from "./api.js";
import { h, line, text } from "./dom.js";
import { number } from "./format.js";
import { Pad } from "./pad.js";

/** Inputs of more elements aren't written out; left blank they are zeros. */
const WRITTEN_OUT = 1024;
/** What a free dimension other than the first becomes: enough for a short text or a few points. */
const FREE = 4;
/** No more of an output is written out. */
const TOLD = 256;

export class TryIt {
  constructor(name) {
    this.name = name;
    this.inputs = [];
    this.loaded = false;
    this.running = false;
    this.again = false;
    this.fields = h("div", { class: "inputs-form" });
    this.version = h("select", { "aria-label": "Version", onchange: () => this.changed() });
    this.fault = h("p", { class: "answer bad", role: "alert", hidden: true });
    this.outputs = h("div", { class: "outputs", "aria-live": "polite" });
    this.timing = h("p", { class: "timing" });
    this.form = h("form", {
      class: "try-form",
      onsubmit: (event) => {
        event.preventDefault();
        this.send();
      },
    }, this.fields, h("div", { class: "buttons" },
      h("button", { type: "submit", class: "primary" }, "Send"), h("label", {}, "to version ", this.version)));
    this.element = h("details", { class: "try", ontoggle: () => this.element.open && this.load() },
      h("summary", {}, "Try it"),
      h("div", { class: "try-body" }, this.form,
        h("div", { class: "replies" }, this.fault, this.outputs, this.timing)));
  }

  async load() {
    if (this.loaded) return;
    try {
      const model = await get(path`v2/models/${this.name}`);
      const option = (version) => h("option", { value: version }, version || "default");
      this.version.replaceChildren(...["", ...(model.versions ?? [])].map(option));
      this.inputs = (model.inputs ?? []).map((input) => new InputField(input, () => this.changed()));
      this.fields.replaceChildren(...this.inputs.map(({ element }) => element));
      this.loaded = true;
      line(this.fault, "");
    } catch (error) {
      line(this.fault, `${error.message}. Close and open this to try again.`);
    }
    this.form.hidden = !this.loaded;
  }

  /** Asks at once where the answer is worth seeing at once: while drawing. */
  changed() {
    if (this.inputs.some(({ pad }) => pad)) this.send();
  }

  /** One request at a time; what changes meanwhile is sent when the answer is there. */
  async send() {
    this.again = this.running;
    if (this.running) return;
    this.running = true;
    try {
      const inputs = this.inputs.map((input) => input.tensor);
      const version = this.version.value;
      const model = version ? path`v2/models/${this.name}/versions/${version}` : path`v2/models/${this.name}`;
      const { body, headers, elapsed } = await post(`${model}/infer`, { inputs });
      line(this.fault, "");
      this.show(body, headers.get("Server-Timing"), elapsed);
    } catch (error) {
      line(this.fault, error.message);
    }
    this.running = false;
    if (this.again) this.send();
  }

  show(reply, timing, elapsed) {
    this.outputs.replaceChildren(...(reply?.outputs ?? []).map(output));
    const parts = [...(timing ?? "").matchAll(/([\w-]+);[^,]*?dur=([\d.]+)/g)]
      .map(([, part, milliseconds]) => `${part} ${number(Number(milliseconds))} ms`);
    const by = reply?.model_version ? `Version ${reply.model_version}` : "Answered";
    text(this.timing, [by, ...parts, `round trip ${number(elapsed)} ms`].join(" · "));
  }
}

// MARK: - Inputs

class InputField {
  constructor({ name, datatype, shape }, onchange) {
    this.name = name;
    this.datatype = datatype;
    const concrete = (shape ?? []).map((size, axis) => (size >= 0 ? size : axis === 0 ? 1 : FREE));
    const size = product(concrete);
    const zero = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
    this.zero = zero;
    this.shape = h("input", {
      type: "text", value: `[${concrete.join(", ")}]`, spellcheck: "false", autocomplete: "off",
    });
    this.data = h("textarea", {
      rows: Math.min(8, Math.max(2, Math.ceil(size / 32))), spellcheck: "false",
      placeholder: "blank: zeros of this shape", "aria-label": `Values of ${name}, a JSON array`, onchange,
    });
    if (size <= WRITTEN_OUT) this.data.value = nested(new Array(size).fill(zero), concrete);
    this.pad = null;
    const editor = h("div", { class: "editor" },
      h("label", { class: "shape" }, "shape ", this.shape), this.data);
    if (isPicture(concrete, datatype)) {
      this.pad = new Pad((values) => {
        this.data.value = nested(values, concrete);
        onchange();
      });
    }
    this.element = h("fieldset", {},
      h("legend", {}, h("b", {}, name), ` ${datatype} [${(shape ?? []).join(", ")}]`),
      this.pad ? this.pad.element : editor,
      this.pad ? h("details", {}, h("summary", {}, "As numbers"), editor) : null);
  }

  /** As the protocol wants it. Throws with words for the user. */
  get tensor() {
    const shape = this.read(this.shape.value, "shape", "[1, 64]");
    const data = this.data.value.trim()
      ? this.read(this.data.value, "values", "[[0, 1]]")
      : new Array(product(shape)).fill(this.zero);
    return { name: this.name, datatype: this.datatype, shape, data };
  }

  read(source, what, example) {
    try {
      const value = JSON.parse(source);
      if (Array.isArray(value)) return value;
    } catch {
      // Said below, in the same words as for JSON that is no array.
    }
    throw new Error(`input "${this.name}": the ${what} must be a JSON array such as ${example}`);
  }
}

/** One picture of 8×8 numbers, or a row of 64. */
function isPicture(shape, datatype) {
  const rest = shape.slice(shape.length > 1 ? 1 : 0);
  const isFlat = rest.at(-1) === 64;
  const isSquare = rest.at(-1) === 8 && rest.at(-2) === 8;
  return /^(FP|BF|INT|UINT)/.test(datatype) && product(shape) === 64 && (isFlat || isSquare);
}

const product = (shape) => shape.reduce((total, size) => total * size, 1);

/** Flat values as nested JSON arrays, a row a line. */
function nested(values, shape) {
  if (shape.length <= 1) return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
  const step = values.length / shape[0];
  const row = (index) => nested(values.slice(index * step, (index + 1) * step), shape.slice(1));
  const rows = Array.from({ length: shape[0] }, (_, index) => row(index));
  return `[${rows.join(",\n ")}]`;
}

// MARK: - Outputs

function output({ name, datatype, shape, data }) {
  const values = (data ?? []).flat(Infinity);
  const row = values.length / (shape?.[0] > 0 && shape.length > 1 ? shape[0] : 1);
  return h("section", { class: "output" },
    h("h4", {}, h("b", {}, name), ` ${datatype ?? ""} [${(shape ?? []).join(", ")}]`),
    values.length === 1 ? h("p", { class: "single" }, told(values[0]))
      : values.length === row && isDistribution(values) ? bars(values) : numbers(values, row));
}

function isDistribution(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.length >= 2 && values.length <= 100 && Math.abs(sum - 1) < 0.01 &&
    values.every((value) => typeof value === "number" && value >= -1e-6 && value <= 1 + 1e-6);
}

/** Widths are set through the style object, which the security policy allows. */
function bars(values) {
  const highest = Math.max(...values);
  return h("ol", { class: "bars" }, ...values.map((value, index) => {
    const bar = h("span", { class: "filled" });
    bar.style.width = `${Math.max(0, value) * 100}%`;
    return h("li", { class: value === highest ? "highest" : null },
      h("span", { class: "index" }, String(index)), h("span", { class: "track" }, bar),
      h("span", { class: "share" }, `${(value * 100).toFixed(1)} %`));
  }));
}

function numbers(values, row) {
  const rows = [];
  for (let at = 0; at < Math.min(values.length, TOLD); at += row) {
    rows.push(values.slice(at, Math.min(at + row, TOLD)).map(told).join("  "));
  }
  if (values.length > TOLD) rows.push(`… ${values.length - TOLD} more`);
  return h("pre", { tabindex: 0 }, rows.join("\n"));
}

function told(value) {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}
