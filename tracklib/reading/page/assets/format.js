/* Numbers, times and sizes as a reader wants them. */

/** Four digits that say something, and an exponent where zeros would hide them: `9.17e-6`. */
function number(value, digits = 4) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "−inf";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return minus(String(value));
  if (size < 1e-3 || size >= 1e7) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return minus(`${trimmed(mantissa)}e${exponent.replace("+", "")}`);
  }
  return minus(trimmed(value.toPrecision(digits)));
}

const trimmed = (text) => (text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : String(+text));
const minus = (text) => text.replace(/^-/, "−");

/** As on an axis: short. */
function tick(value) {
  if (value == null) return "";
  const size = Math.abs(value);
  if (size >= 1e3 && size < 1e15) {
    const [unit, name] = size >= 1e12 ? [1e12, "T"] : size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : [1e3, "k"];
    if (size >= 1e4 || Number.isInteger((10 * value) / unit)) return minus(`${+(value / unit).toPrecision(4)}${name}`);
  }
  return number(value);
}

/** The labels of one axis: as many decimals on each as one of them needs; of a logarithm, the round ones. */
function ticks(values, isLog) {
  if (isLog) return values.some(isRound) ? values.map((value) => (isRound(value) ? tick(value) : "")) : values.map(tick);
  const labels = values.map(tick);
  const decimals = (text) => (/^−?\d+\.\d+$/.test(text) ? text.split(".")[1].length : 0);
  const most = Math.max(0, ...labels.map(decimals));
  return labels.map((text) => (most && text !== "0" && /^−?\d+(\.\d+)?$/.test(text) ? `${text}${decimals(text) ? "" : "."}${"0".repeat(most - decimals(text))}` : text));
}

const isRound = (value) => value != null && Math.abs(value - value.toPrecision(1)) < 1e-9 * Math.abs(value);

function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${pad(minutes % 60)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const pad = (value) => String(Math.floor(value)).padStart(2, "0");

/** A moment in this reader's own time zone. */
function moment(milliseconds) {
  if (milliseconds == null) return "";
  const at = new Date(milliseconds);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

function bytes(size) {
  if (size == null) return "";
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (size < 1000 || unit === "GB") return `${size < 10 && unit !== "B" ? size.toFixed(1) : Math.round(size)} ${unit}`;
    size /= 1000;
  }
  return "";
}

/** A measured value in a column of such: all have four digits, so that they stand under each other. */
function measured(value) {
  const text = shown(value);
  if (typeof value !== "number" || Number.isInteger(value) || !/^−?\d+\.?\d*$/.test(text)) return text;
  return minus(value.toPrecision(4)).replace(/\.$/, "");
}

/** Any param's value. */
function shown(value) {
  if (value == null) return "";
  if (typeof value === "number") return number(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
/** Names of a sweep differ at their ends: that is kept, and what is left out is in the middle. */
const brief = (text, length) => (text.length > length ? `${text.slice(0, length / 3)}…${text.slice(1 - (2 * length) / 3)}` : text);
const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
