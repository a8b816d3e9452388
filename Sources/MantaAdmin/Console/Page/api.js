// The routes of the admin listener. Every path is relative to the page, so a proxy may serve the console under a path.

const TOKEN = "manta.token";
const PATIENCE_MS = 15_000;

/** An answer that isn't what was asked for, in the server's words. Status 0: there was no answer. */
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const base = new URL("./", document.baseURI);

/** A path of the server, with `parts` escaped: ``path`admin/v1/deployments/${name}/scale` ``. */
export const path = (strings, ...parts) => String.raw({ raw: strings }, ...parts.map(encodeURIComponent));

export const get = async (url) => (await request("GET", url)).body;

/** Sends JSON, or nothing. Gives the answer's `body`, `headers` and how many milliseconds it took. */
export const post = (url, document) => request("POST", url, document);

async function request(method, url, document) {
  const started = performance.now();
  const response = await send(url, {
    method,
    headers: document === undefined ? {} : { "Content-Type": "application/json" },
    body: document === undefined ? undefined : JSON.stringify(document),
    signal: AbortSignal.timeout(method === "GET" ? PATIENCE_MS : 4 * PATIENCE_MS),
  });
  let body = null;
  try {
    body = await response.json();
  } catch {
    if (response.ok) throw new Failure(0, `the answer to ${method} ${url} is not whole, or not JSON`);
  }
  if (!response.ok) throw new Failure(response.status, body?.error ?? body?.faults?.join("; ") ?? `${response.status} ${response.statusText}`);
  return { body, headers: response.headers, elapsed: performance.now() - started };
}

async function send(url, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let response;
  try {
    response = await fetch(new URL(url, base), { ...options, headers, cache: "no-store" });
  } catch (error) {
    throw new Failure(0, error.name === "TimeoutError" ? "no answer in time" : "no connection");
  }
  if (response.status !== 401) return response;
  // Another request may have been told the right token meanwhile.
  if (sessionStorage.getItem(TOKEN) === token && !(await askForToken())) {
    throw new Failure(401, "the server asks for a token");
  }
  return send(url, options);
}

/**
 * Server-sent events. By fetch and not by EventSource, which can't send a token.
 * Ends when the server ends the answer; throws when it breaks, or `signal` aborts it.
 */
export async function* events(url, lastID, signal) {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": String(lastID) };
  const response = await send(url, { headers, signal });
  if (!response.ok) throw new Failure(response.status, `${response.status} ${response.statusText}`);
  let data = "";
  for await (const text of lines(response.body)) {
    if (text.startsWith("data:")) data += text.slice(5).trimStart();
    if (text !== "" || data === "") continue;
    yield JSON.parse(data);
    data = "";
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = (rest + value).split(/\r?\n/);
      rest = whole.pop();
      yield* whole;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

// MARK: - Token

let asking = null;
let declined = false;

/** Lets the next 401 ask again after the question was declined: otherwise every poll would. */
export function askAgain() {
  declined = false;
}

function askForToken() {
  if (declined) return Promise.resolve(false);
  asking ??= new Promise((answered) => {
    const dialog = document.getElementById("token");
    const field = document.getElementById("token-value");
    field.value = "";
    document.getElementById("token-cancel").onclick = () => dialog.close("");
    dialog.onclose = () => {
      asking = null;
      declined = dialog.returnValue !== "use" || field.value.trim() === "";
      if (!declined) sessionStorage.setItem(TOKEN, field.value.trim());
      answered(!declined);
    };
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}
