/* Which part of the world a chart shows. */

function xRange(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const { x } of lines) {
    for (let i = 0; i < x.length; i++) {
      if (x[i] < low) low = x[i];
      if (x[i] > high) high = x[i];
    }
  }
  if (low > high) return [0, 1];
  return low === high ? apart(low - 0.5, high + 0.5) : apart(low, high);
}

const LEAST = 1e-12; // of the numbers themselves: closer than that, an axis has no room for ticks
const MOST = 8e307; // the distance of two such numbers is still one

/** Two ends of an axis that a chart can tell apart. */
function apart(low, high) {
  [low, high] = [Math.max(low, -Number.MAX_VALUE), Math.min(high, Number.MAX_VALUE)];
  if (high - low === Infinity) [low, high] = [Math.max(low, -MOST), Math.min(high, MOST)];
  const room = LEAST * Math.max(Math.abs(low), Math.abs(high));
  return high - low < room ? [low - room, high + room] : [low, high];
}

/** What the lines and their bands reach between two x. Outliers aside: all but the outermost hundredth of the means. */
function yRange(lines, [from, to]) {
  const reach = { low: Infinity, high: -Infinity, values: [] };
  for (const line of lines) reachOf(line, from, to, reach);
  let { low, high } = reach;
  if (state.tame && reach.values.length > 20) {
    const ordered = Float64Array.from(reach.values).sort();
    const at = (share) => ordered[Math.round(share * (ordered.length - 1))];
    [low, high] = [at(0.01), at(0.99)];
  }
  return padded(low, high);
}

function reachOf(line, from, to, reach) {
  const { x, y } = line;
  const low = state.tame ? y : line.low || y;
  const high = state.tame ? y : line.high || y;
  const lines = state.smooth && line.raw ? [line.raw, low, high] : [low, high];
  for (let i = 0; i < x.length; i++) {
    if (x[i] < from || x[i] > to) continue;
    for (const values of lines) {
      const value = values[i];
      if (!Number.isFinite(value) || (state.log && value <= 0)) continue;
      if (value < reach.low) reach.low = value;
      if (value > reach.high) reach.high = value;
    }
    if (state.tame && Number.isFinite(y[i]) && !(state.log && y[i] <= 0)) reach.values.push(y[i]);
  }
}

function padded(low, high) {
  if (low > high) return state.log ? [0.1, 1] : [0, 1];
  if (state.log) return low === high ? [low / 2, high * 2] : [low * Math.pow(low / high, 0.03), high * Math.pow(high / low, 0.03)];
  const room = high === low ? Math.abs(high) * 0.1 || 0.5 : high * 0.05 - low * 0.05;
  return apart(low - room, high + room);
}

const xLabels = {
  step: tick,
  time: (seconds) => (seconds < 0 ? "" : seconds === 0 ? "0" : duration(seconds).replace(/ 0+ (s|min)$/, "").replace(".0 s", " s")),
  clock: (seconds) => moment(seconds * 1000),
  share: (share) => `${number(share * 100, 3)} %`,
};
