/* From a run's curve to a line on a chart: which x it has, smoothed or not, one run's or a group's. */

const X_KINDS = { step: "step", time: "time", clock: "clock", share: "share of run" };

const xName = (axis) => (state.x === "step" ? axis : X_KINDS[state.x]);

/** The x of each point. `share` is 0 to 1 of the run's own steps, so that long and short runs lie over each other. */
function xOf(run, series) {
  const { x, time } = series;
  if (state.x === "time") return time;
  if (state.x === "clock") return Float64Array.from(time, (seconds) => run.began / 1000 + seconds);
  if (state.x === "share") {
    const all = (series.whole || series).x;
    const width = all[all.length - 1] - all[0] || 1;
    return Float64Array.from(x, (step) => (step - all[0]) / width);
  }
  return x;
}

/** Smoothed as W&B does: an exponential mean, weighted by the distance in x, without a bias towards the beginning. */
function smoothed(x, y, amount) {
  if (!amount) return y;
  const weight = Math.min(Math.sqrt(amount), 0.999);
  const width = x[x.length - 1] - x[0] || 1;
  const found = new Float64Array(y.length);
  let [sum, norm, before] = [0, 0, x[0]];
  for (let i = 0; i < y.length; i++) {
    if (!Number.isFinite(y[i])) {
      found[i] = NaN;
      continue;
    }
    const kept = Math.pow(weight, (1000 * Math.max(0, x[i] - before)) / width);
    [sum, norm, before] = [sum * kept + y[i], norm * kept + 1, x[i]];
    found[i] = sum / norm;
  }
  return found;
}

/** The lines of one metric: of each run, or a mean of each group. */
function linesOf(axis, metric, shown) {
  const key = `${axis}\n${metric}`;
  const having = shown.filter((run) => run.series.has(key));
  if (!state.group || state.run) return having.map((run) => lineOf(run, seriesOf(run, key), metric));
  return [...groupsOf(having)].map(([name, members], rank) => groupLine(name, members, key, rank));
}

function lineOf(run, series, metric) {
  const x = xOf(run, series);
  const best = run.best.get(metric);
  return {
    run, x, name: run.name, colour: run.colour, isStrong: run.isStrong, raw: series.mean, y: smoothed(x, series.mean, state.smooth),
    low: series.low, high: series.high, steps: series.x, records: series.records,
    best: best && series.axis === best.axis && best.step >= series.x[0] ? series.x.findIndex((step) => step >= best.step) : -1, bestValue: best?.value,
  };
}

/** "*" groups the runs that differ in their seed only. */
function groupsOf(list) {
  const names = state.group === "*" ? differing.filter((name) => !/(^|[/_.])seed$/i.test(name)) : null;
  const value = getter(state.group);
  const groups = new Map();
  for (const run of list) {
    const name = names ? names.map((one) => `${one} ${shown(run.params.get(one))}`).join(", ") || "all" : shown(value(run)) || "none";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(run);
  }
  return groups;
}

/** The mean of a group's runs and their standard deviation, where at least one of them has a point or is between two. */
function groupLine(name, members, key, rank) {
  const parts = members.map((run) => {
    const series = seriesOf(run, key);
    const x = xOf(run, series);
    return { x, y: smoothed(x, series.mean, state.smooth) };
  });
  const x = gridOf(parts.map((part) => part.x));
  const [y, low, high] = [0, 0, 0].map(() => new Float64Array(x.length).fill(NaN));
  const at = parts.map((part) => interpolated(part.x, part.y, x));
  for (let i = 0; i < x.length; i++) {
    const values = at.map((line) => line[i]).filter(Number.isFinite);
    if (!values.length) continue;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    [y[i], low[i], high[i]] = [mean, mean - deviation, mean + deviation];
  }
  const label = `${brief(name, 60)} (${members.length})`;
  return { group: name, x, y, raw: y, low, high, name: label, colour: palette(rank), isStrong: rank < 12, isGroup: true, records: 1, best: -1, steps: x };
}

/** All x where they are few or the same everywhere, else an even grid of as many as the longest has. */
function gridOf(all) {
  const union = [...new Set(all.flatMap((x) => [...x]))].sort((a, b) => a - b);
  const longest = Math.max(...all.map((x) => x.length));
  if (union.length <= longest * 1.5) return Float64Array.from(union);
  const [first, last] = [union[0], union[union.length - 1]];
  return Float64Array.from({ length: longest }, (_, i) => first + ((last - first) * i) / Math.max(1, longest - 1));
}

/** A line's value at each of `grid`; NaN before its first point and behind its last. */
function interpolated(x, y, grid) {
  const found = new Float64Array(grid.length).fill(NaN);
  let i = 0;
  for (let j = 0; j < grid.length; j++) {
    while (i < x.length - 1 && x[i + 1] <= grid[j]) i++;
    if (x[i] > grid[j] || (i === x.length - 1 && x[i] < grid[j])) continue;
    const share = x[i] === grid[j] || i === x.length - 1 ? 0 : (grid[j] - x[i]) / (x[i + 1] - x[i]);
    found[j] = share ? y[i] + (y[i + 1] - y[i]) * share : y[i];
  }
  return found;
}

/** The place of the point nearest to `at`. */
function nearest(x, at) {
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < at) low = middle;
    else high = middle;
  }
  return Math.abs(x[low] - at) <= Math.abs(x[high] - at) ? low : high;
}
