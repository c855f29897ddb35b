/* What is under the cursor: the nearest run in bold, its neighbours in value around it. */

const ROWS = 12; // as many as have a colour each
const tooltip = el("div.tip", { role: "status" });
let hot = null; // the run, or the group's name, that is pointed at
let pointed = null; // { chart, x } while the cursor is over a chart

function hover(chart, plot) {
  const isHere = plot.over.matches(":hover");
  const at = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null;
  if (isHere) {
    pointed = at == null ? null : { chart, at };
    hot = at == null ? null : nearestLine(chart, plot);
  }
  paintOverlay(chart, hot, at);
  if (isHere) tell(chart, plot, at);
  else if (!pointed) tooltip.hidden = true;
}

/** The line nearest to the cursor in pixels, if it is near at all. */
function nearestLine(chart, plot) {
  const [at, top] = [plot.posToVal(plot.cursor.left, "x"), plot.cursor.top];
  let [found, least] = [null, 40];
  for (const line of chart.lines) {
    const i = nearest(line.x, at);
    const y = line.y[i];
    if (!isPlaced(y) || !isAt(chart, line, i, at)) continue;
    const away = Math.abs(plot.valToPos(y, "y") - top) - (line.isStrong ? 3 : 0);
    if (away < least) [found, least] = [line.run || line.group, away];
  }
  return found || (chart.lines.length === 1 ? chart.lines[0].run : null);
}

function tell(chart, plot, at) {
  tooltip.hidden = at == null;
  if (at == null) return;
  const rows = chart.lines.map((line) => ({ line, i: nearest(line.x, at) })).filter(({ line, i }) => isAt(chart, line, i, at));
  rows.sort((a, b) => (Number.isFinite(b.line.y[b.i]) ? b.line.y[b.i] : -Infinity) - (Number.isFinite(a.line.y[a.i]) ? a.line.y[a.i] : -Infinity));
  const middle = Math.max(0, rows.findIndex(({ line }) => (line.run || line.group) === hot));
  const from = Math.max(0, Math.min(middle - (ROWS >> 1), rows.length - ROWS));
  tooltip.hidden = !rows.length;
  fill(tooltip, headOf(chart, at, rows), rows.slice(from, from + ROWS).map(rowOf), rows.length > ROWS ? el("div.more", {}, `${rows.length} in all`) : null);
  place(plot);
}

/** Whether a line has a point at all where the cursor is: a run that had ended by then has none. */
function isAt(chart, line, i, at) {
  const { min, max } = chart.plot.scales.x;
  return line.x.length > 0 && (Math.abs(line.x[i] - at) <= (max - min) / 40 || (i > 0 && i < line.x.length - 1));
}

function headOf(chart, at, rows) {
  const here = rows.find(({ line }) => (line.run || line.group) === hot) || rows[0];
  if (!here) return null;
  const step = `${chart.axis} ${number(here.line.steps[here.i])}`;
  const where = state.x === "step" ? step : `${xLabels[state.x](here.line.x[here.i])}${here.line.isGroup ? "" : ` · ${step}`}`;
  const records = here.line.records > 1.5 ? ` · ${Math.round(here.line.records).toLocaleString("en")} records a point` : "";
  return el("div.head", {}, where + records);
}

function rowOf({ line, i }) {
  const isHot = (line.run || line.group) === hot;
  const value = line.y[i];
  const [low, high] = [line.low?.[i], line.high?.[i]];
  const spread = line.isGroup ? `± ${number((high - low) / 2, 3)}` : `${number(low, 3)} … ${number(high, 3)}`;
  const range = line.low && low !== high && Number.isFinite(low) ? el("span.range", {}, spread) : null;
  return el(isHot ? "div.row.hot" : "div.row", {}, swatch(line.colour), el("span.who", {}, brief(line.name, 40)), el("b", {}, measured(value)), range);
}

/** Beside the cursor, and inside the window. */
function place(plot) {
  const box = plot.over.getBoundingClientRect();
  const [x, y] = [box.left + plot.cursor.left, box.top + plot.cursor.top];
  if (!tooltip.isConnected || tooltip.parentNode !== (plot.over.closest("dialog") || document.body)) (plot.over.closest("dialog") || document.body).append(tooltip);
  const [width, height] = [tooltip.offsetWidth, tooltip.offsetHeight];
  tooltip.style.left = `${x + 18 + width < innerWidth ? x + 18 : Math.max(4, x - 18 - width)}px`;
  tooltip.style.top = `${Math.max(4, Math.min(y + 12, innerHeight - height - 8))}px`;
}

/** Point at a run from elsewhere, as the table does. */
function pointAt(run) {
  if (hot === run) return;
  hot = run;
  for (const chart of drawnCharts()) paintOverlay(chart, hot, null);
}
