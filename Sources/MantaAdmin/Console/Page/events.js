// What happened, as it happens.

import { events as stream, Failure, get, path } from "./api.js";
import { byID, h, line, list, text } from "./dom.js";
import { clock, plural } from "./format.js";

/** The server keeps so many as well. */
const KEPT = 1000;
const SHOWN = 200;
const RANK = { info: 0, warning: 1, error: 2 };

export class EventLog {
  constructor() {
    this.events = new Map();
    this.due = null;
    this.following = null;
    this.names = new Set();
    this.deployment = byID("events-deployment");
    this.severity = byID("events-severity");
    this.deployment.onchange = this.severity.onchange = () => this.render();
    this.offer([]);
  }

  get lastID() {
    return Math.max(0, ...this.events.keys());
  }

  /** Asks anew, for a stream that may hang on a connection that has gone. */
  restart() {
    this.following?.abort();
  }

  /** Follows the server for as long as the page is open. `pause(failures)` waits before the next try. */
  async follow(pause) {
    for (let failures = 0; ; failures += 1) {
      this.following = new AbortController();
      try {
        const { events } = await get(path`admin/v1/events?after=${this.lastID}`);
        for (const event of events ?? []) this.add(event);
        this.render();
        text(byID("events-state"), "live");
        for await (const event of stream("admin/v1/events", this.lastID, this.following.signal)) {
          failures = 0;
          this.add(event);
          this.renderSoon();
        }
      } catch (error) {
        // A broken connection is a TypeError here. Anything else is a mistake of this page, to be seen in its console.
        if (!(error instanceof Failure) && !["TypeError", "AbortError"].includes(error.name)) console.error(error);
      }
      text(byID("events-state"), "interrupted");
      await pause(failures);
    }
  }

  /** Another process answers now: its events are numbered anew. */
  forget() {
    this.events.clear();
    this.render();
    this.restart();
  }

  add(event) {
    this.events.set(event.id, event);
    if (this.events.size > KEPT) this.events.delete(Math.min(...this.events.keys()));
  }

  /** Lets the filter name these deployments too, whether or not they have events. */
  offer(names) {
    for (const name of names) this.names.add(name);
    list(this.deployment, ["", ...[...this.names].sort()], (name) => name,
      (name) => h("option", { value: name }, name || "all"), () => {});
  }

  /** Once for all events of a burst. */
  renderSoon() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null;
      this.render();
    });
  }

  render() {
    const least = RANK[this.severity.value];
    const fits = (event) => (!this.deployment.value || event.deployment === this.deployment.value) &&
      (RANK[event.severity] ?? 0) >= least;
    this.offer([...this.events.values()].map(({ deployment }) => deployment).filter(Boolean));
    const fitting = [...this.events.values()].filter(fits).sort((one, other) => other.id - one.id);
    line(byID("events-none"), fitting.length ? "" : this.events.size ? "No events of this kind." : "No events yet.");
    byID("events-list").hidden = fitting.length === 0;
    list(byID("events-list"), fitting.slice(0, SHOWN), ({ id }) => id, entry, () => {});
    text(byID("events-title"), fitting.length > SHOWN ? `Events, the last ${SHOWN} of ${fitting.length}` : "Events");
  }

  /** For the button that leads here on a narrow screen. */
  get title() {
    const errors = [...this.events.values()].filter(({ severity }) => severity === "error").length;
    return errors ? `Events, ${plural(errors, "error")}` : "Events";
  }
}

function entry(event) {
  const kind = event.kind ?? "";
  const subject = [event.deployment, typeof event.version === "number" ? `version ${event.version}` : null];
  return h("li", { class: event.severity },
    h("time", { datetime: event.at, title: event.at }, clock(event.at)),
    h("span", { class: "severity" }, event.severity === "info" ? kind : `${event.severity}: ${kind}`),
    h("span", { class: "subject" }, subject.filter(Boolean).join(" ")),
    h("span", { class: "message" }, event.message ?? ""));
}
