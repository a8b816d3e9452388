// The console: asks the server once a second how it is, and shows it.

import { askAgain, Failure, get, post } from "./api.js";
import { DeploymentCard, needsAttention } from "./deployment.js";
import { byID, h, line, list, set, text } from "./dom.js";
import { EventLog } from "./events.js";
import { bytes, count, duration, number, plural } from "./format.js";

const EVERY_MS = 1_000;
const HIDDEN_MS = 15_000;
const LONGEST_WAIT_MS = 10_000;
/** Up to so many deployments all cards start open. */
const FEW = 3;
/** From so many on there is something to find. */
const MANY = 8;

const cards = new Map();
const log = new EventLog();
let deployments = [];
let previous = null;

// MARK: - Asking

/** Ends a pause early: somebody looks again, or wants to know now. */
const awake = new EventTarget();
const wake = () => awake.dispatchEvent(new Event("now"));

function pause(milliseconds) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      awake.removeEventListener("now", end);
      done();
    };
    const timer = setTimeout(end, milliseconds);
    awake.addEventListener("now", end);
  });
}

const backoff = (failures) => pause(Math.min(LONGEST_WAIT_MS, EVERY_MS * 2 ** Math.min(failures, 5)));

async function poll() {
  for (let failures = 0; ; ) {
    try {
      const [status, list] = await Promise.all([get("admin/v1/status"), get("admin/v1/deployments")]);
      if (failures) log.restart();
      failures = 0;
      showProcess(status);
      showDeployments(list.deployments ?? []);
      showTrouble(null);
      await pause(document.hidden ? HIDDEN_MS : EVERY_MS);
    } catch (error) {
      // Anything else is a mistake of this page: it must be seen in its console, and must not end the polling.
      if (!(error instanceof Failure)) console.error(error);
      failures += 1;
      showTrouble(error);
      await backoff(failures - 1);
    }
  }
}

function showTrouble(error) {
  const isLocked = error?.status === 401;
  byID("locked").hidden = !isLocked;
  byID("away").hidden = !error || isLocked;
  document.body.classList.toggle("stale", Boolean(error));
  if (!error || isLocked) return;
  const what = error.status ? `Manta refuses: ${error.message}` : `Manta does not answer: ${error.message}`;
  text(byID("away").firstElementChild, `${what}. ${previous ? "What is below is from before." : ""}`.trim());
}

// MARK: - The process

function showProcess(status) {
  if (previous && previous.status.started_at !== status.started_at) log.forget();
  const now = performance.now();
  const node = status.node ?? {};
  const used = previous && node.cpu_seconds >= previous.status.node?.cpu_seconds
    ? ((node.cpu_seconds - previous.status.node.cpu_seconds) * 1000) / (now - previous.at) : null;
  previous = { status, at: now };
  text(byID("version"), status.version ?? "");
  document.title = `${status.ready ? "" : "not ready · "}Manta`;

  const { store } = status;
  const gauges = [
    { name: "state", value: status.ready ? "ready" : "not ready", state: status.ready ? "ready" : "failed" },
    { name: "up", value: duration(status.uptime_s), title: status.started_at },
    { name: "CPU used", value: used === null ? "–" : `${used.toFixed(2)} of ${count(node.cpus)}`,
      title: "CPUs in use, and how many this process may use" },
    { name: "lanes", value: count(node.lanes), title: "Replicas that can run at the same time" },
    { name: "memory", value: bytes(node.resident_bytes), title: "Resident" },
    { name: "files", value: count(node.open_files), title: "Open files and sockets" },
    { name: "store", value: store ? `${store.kind ?? ""} ${store.durable ? "durable" : "not durable"}`.trim() : "–",
      title: store?.durable ? store.path : "Changes made here are gone after a restart; --state keeps them",
      state: store && !store.durable ? "warning" : null },
    { name: "node", value: node.id ?? "–" },
  ];
  list(byID("gauges"), gauges, ({ name }) => name, ({ name }) => h("div", {}, h("dt", {}, name), h("dd", {})),
    (element, { value, title, state }) => {
      text(element.lastElementChild, value);
      set(element, "title", title);
      set(element, "data-state", state);
    });
  line(byID("unready"), status.ready ? "" : `Not ready: ${status.reason ?? "no reason given"}`);
  list(byID("warnings"), [...new Set(status.warnings ?? [])], (warning) => warning,
    (warning) => h("li", { class: "notice warn" }, warning), () => {});
}

// MARK: - Deployments

function showDeployments(all) {
  const now = Date.now();
  deployments = all;
  for (const deployment of all) {
    const { name } = deployment;
    if (!cards.has(name)) {
      const card = new DeploymentCard(name, isOpen(name, all.length), (open) => {
        card.open(open);
        remember(name, open);
      });
      cards.set(name, card);
    }
    cards.get(name).update(deployment, now);
  }
  const names = new Set(all.map(({ name }) => name));
  for (const name of cards.keys()) if (!names.has(name)) cards.delete(name);
  log.offer(names);
  arrange();
}

/** Puts the cards that fit the search in order. */
function arrange() {
  const wanted = byID("find-name").value.trim().toLowerCase();
  const fitting = deployments.filter((deployment) => deployment.name.toLowerCase().includes(wanted) &&
    (!byID("find-trouble").checked || needsAttention(deployment)));
  list(byID("cards"), fitting, ({ name }) => name, ({ name }) => cards.get(name).element, () => {});

  const troubled = deployments.filter(needsAttention).length;
  const states = Object.entries(Object.groupBy(deployments, ({ state }) => state ?? "unknown"));
  const parts = states.map(([state, group]) => `${group.length} ${state}`);
  const amount = plural(deployments.length, "deployment");
  text(byID("summary"), parts.length ? `${amount}: ${parts.join(", ")}` : amount);
  byID("find").hidden = deployments.length < MANY;
  line(byID("none"), deployments.length === 0
    ? "No deployments. Put a model into the repository and press Reload, or run “manta deploy”."
    : fitting.length === 0 ? "None fits." : "");
  text(panel("deployments"), troubled ? `Deployments, ${troubled} not ready` : "Deployments");
  text(panel("events"), log.title);
}

const OPEN = "manta.open";

function opened() {
  try {
    return JSON.parse(sessionStorage.getItem(OPEN)) ?? {};
  } catch {
    return {};
  }
}

function isOpen(name, amount) {
  return opened()[name] ?? amount <= FEW;
}

function remember(name, open) {
  sessionStorage.setItem(OPEN, JSON.stringify({ ...opened(), [name]: open }));
}

// MARK: - Controls

async function reload() {
  const button = byID("reload");
  const answer = byID("answer");
  button.disabled = true;
  try {
    await post("admin/v1/reload");
    line(answer, "Everything was read again.");
    set(answer, "class", "notice");
  } catch (error) {
    line(answer, `Reload failed: ${error.message}`);
    set(answer, "class", "notice bad");
  }
  button.disabled = false;
  wake();
}

/** On a narrow screen one of the two panels is shown. */
const panel = (name) => document.querySelector(`nav [data-panel="${name}"]`);

function show(name) {
  document.body.dataset.panel = name;
  for (const button of document.querySelectorAll("nav [data-panel]")) {
    set(button, "aria-pressed", String(button.dataset.panel === name));
  }
  // Each panel is read from its start; how far the other was scrolled means nothing here.
  const bar = document.querySelector("nav.panels");
  const start = document.querySelector(".columns").getBoundingClientRect().top - bar.offsetHeight;
  if (start < 0) scrollBy(0, start);
}

for (const name of ["deployments", "events"]) panel(name).addEventListener("click", () => show(name));
show("deployments");
byID("reload").addEventListener("click", reload);
byID("find-name").addEventListener("input", arrange);
byID("find-trouble").addEventListener("change", arrange);
byID("away").querySelector("button").addEventListener("click", wake);
byID("locked").querySelector("button").addEventListener("click", () => {
  askAgain();
  wake();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});

poll();
log.follow(backoff);
