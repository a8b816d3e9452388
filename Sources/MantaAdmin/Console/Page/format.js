// Numbers as an operator reads them. What isn't known is a dash.

const NONE = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Three significant digits, thousands as k and M: 0.31, 12.5, 1,354, 47.6k. */
export function number(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e6) return `${round(value / 1e6)}M`;
  if (size >= 1e4) return `${round(value / 1e3)}k`;
  return size >= 1000 ? Math.round(value).toLocaleString("en") : round(value);
}

function round(value) {
  if (Number.isInteger(value)) return String(value);
  return String(Number(Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(Math.abs(value) < 0.01 ? 1 : 3)));
}

export function count(value) {
  return known(value) ? value.toLocaleString("en") : NONE;
}

export function bytes(value) {
  if (!known(value)) return NONE;
  if (value < 1e6) return `${number(value / 1e3)} kB`;
  return value < 1e9 ? `${number(value / 1e6)} MB` : `${number(value / 1e9)} GB`;
}

/** The two largest units: 42 s, 3 min 5 s, 2 d 4 h. */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const [size, unit] = parts[first];
  const next = parts[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${next[1]}` : ""}`;
}

/** The time of day here, with the date if it isn't today's. */
export function clock(instant) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return NONE;
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

export function plural(amount, one, many = `${one}s`) {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
