/* An axis of the pictures over all runs: numbers (by their logarithm where they are wide), or words in a row. */

const FEW = 6; // values of a param that are chosen from a list: each has its own place

function scaleOf(name, list, from, to) {
  const { value } = field(name);
  const values = list.map(value).filter((one) => one != null && !(typeof one === "number" && !Number.isFinite(one)));
  const isNumeric = values.every((one) => typeof one === "number") && (new Set(values).size > FEW || field(name).mode);
  return isNumeric && values.length ? numeric(name, values, from, to) : ordinal(name, values, from, to);
}

function numeric(name, values, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of values) [low, high] = [Math.min(low, one), Math.max(high, one)];
  const isLog = low > 0 && high / low >= 30;
  const f = isLog ? Math.log10 : (x) => x;
  const width = f(high) - f(low) || 1;
  const place = (one) => (typeof one === "number" && Number.isFinite(one) ? from + ((high === low ? 0.5 : (f(one) - f(low)) / width) * (to - from)) : null);
  const valueAt = (at) => (isLog ? 10 ** (f(low) + ((at - from) / (to - from)) * width) : low + ((at - from) / (to - from)) * width);
  const marks = new Set(values).size <= 4 ? [...new Set(values)] : ticksOf(low, high, isLog);
  return { name, isLog, isNumeric: true, place, valueAt, ticks: marks.map((one) => [tick(one), place(one)]) };
}

function ticksOf(low, high, isLog) {
  if (isLog) {
    const powers = [];
    for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power++) powers.push(10 ** power);
    if (powers.length >= 2) return powers.filter((_, i) => i % Math.ceil(powers.length / 6) === 0);
    return [low, high];
  }
  const raw = (high - low) / 4;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * size).find((one) => one >= raw);
  const found = [];
  const first = Math.ceil(low / step) * step;
  for (let i = 0, at = first; i < 10 && at <= high + step * 1e-9; at = first + ++i * step) found.push(+at.toPrecision(12));
  return found;
}

function ordinal(name, values, from, to) {
  const kinds = [...new Set([...values].sort(compared).map(shown))].slice(0, 40);
  const at = (i) => from + (kinds.length > 1 ? i / (kinds.length - 1) : 0.5) * (to - from);
  const place = (one) => (one == null || !kinds.includes(shown(one)) ? null : at(kinds.indexOf(shown(one))));
  return { name, isLog: false, isNumeric: false, place, ticks: kinds.map((kind, i) => [cut(kind, 14), at(i)]) };
}

/** What the pictures look at: the metric that the table is sorted by, or the first that says which way is better. */
function targetMetric() {
  const by = sortedBy().replace(/^-/, "");
  if (field(by).mode) return by;
  return metricColumns().find((name) => field(name).mode) || metricColumns()[0] || "";
}
