// What a deployment did in the last five minutes, as this page saw it. The server keeps one minute.

export const SPAN_MS = 300_000;

export class History {
  constructor() {
    this.samples = [];
  }

  add(sample) {
    this.samples.push(sample);
    const first = this.samples.findIndex(({ at }) => at >= sample.at - SPAN_MS);
    if (first > 0) this.samples.splice(0, first);
  }

  get last() {
    return this.samples.at(-1) ?? null;
  }

  /** The sample closest to a time. */
  near(at) {
    return this.samples.reduce(
      (best, sample) => (best && Math.abs(best.at - at) <= Math.abs(sample.at - at) ? best : sample), null);
  }
}

/**
 * One sample of a deployment, all versions together: rates add up, a mean is weighted by requests, and of percentiles,
 * which can't be added, the highest counts.
 */
export function sample(deployment, at) {
  const minutes = (deployment.versions ?? []).map((version) => version.last_minute).filter(Boolean);
  const values = (key) => minutes.map((minute) => minute[key]).filter((value) => typeof value === "number");
  const highest = (key) => (values(key).length ? Math.max(...values(key)) : null);
  const sum = (key) => (values(key).length ? values(key).reduce((total, value) => total + value, 0) : null);
  const batched = minutes.filter((minute) => typeof minute.mean_batch_rows === "number" && minute.requests > 0);
  const weight = batched.reduce((total, minute) => total + minute.requests, 0);
  const weighted = batched.reduce((total, minute) => total + minute.mean_batch_rows * minute.requests, 0);
  return {
    at,
    rate: sum("per_second"),
    failures: sum("failures"),
    p50: highest("p50_ms"),
    p95: highest("p95_ms"),
    p99: highest("p99_ms"),
    rows: weight ? weighted / weight : null,
  };
}
