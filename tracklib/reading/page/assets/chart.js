/* One chart. uPlot has the axes, the cursor and the zoom; the lines are painted here, as each has an x of its own:
   joined into one table, five hundred runs by the clock would be millions of cells. */

const HEIGHT = 210;
const HALO = 3;
const BAND = 0.16;
const WHOLE = { step: [1, 2, 5, 10, 20, 25, 50].concat([...Array(14).keys()].flatMap((power) => [1, 2, 2.5, 5].map((times) => times * 10 ** (power + 2)))) };

function makeChart(host, { axis, metric, lines, height = HEIGHT, onHover }) {
  const range = { x: xRange(lines) };
  const zoomed = zoomOf(axis);
  const seen = () => zoomed || range.x;
  range.y = yRange(lines, seen());
  const chart = { axis, metric, lines, host, spots: [] };
  const draws = { draw: [(plot) => paintLines(plot, chart)], setCursor: [(plot) => onHover(chart, plot)], setSelect: [(plot) => zoomTo(plot, axis)] };
  const look = { stroke: colour("--dim"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  chart.plot = new uPlot(
    {
      width: Math.max(200, host.clientWidth), height, padding: [10, 14, 0, 0], legend: { show: false }, hooks: draws,
      scales: { x: { time: false, range: seen }, y: { distr: state.log ? 3 : 1, range: () => range.y } },
      axes: [
        { ...look, grid: { show: false }, size: 26, gap: 4, incrs: WHOLE[state.x], space: state.x === "clock" ? 120 : 60, splits: xSplits(state.x), values: (plot, at) => at.map(xLabels[state.x]) },
        { ...look, size: sizeOfAxis, gap: 6, space: 34, values: (plot, at) => ticks(at, state.log) },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { sync: { key: syncKey(axis), scales: ["x", null] }, points: { show: false }, y: false, drag: { x: true, y: false, setScale: false, dist: 4 } },
    },
    [seen(), range.y],
    host,
  );
  chart.plot.over.addEventListener("dblclick", () => choose({ zoom: "" }));
  return chart;
}

/** uPlot steps by tens; hours are parted by sixties. */
function xSplits(kind) {
  if (kind !== "time") return undefined;
  return (plot, axis, low, high, step) => {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
    const wide = high - low < 5 ? step : steps.find((one) => one >= step) || Math.ceil(step / 86400) * 86400;
    const found = [];
    for (let at = Math.ceil(low / wide) * wide; at <= high; at += wide) found.push(at);
    return found;
  };
}

/* Charts whose x means the same share a cursor and a zoom. */
const syncKey = (axis) => (state.x === "step" ? `step:${axis}` : state.x);

function zoomOf(axis) {
  const [key, low, high] = state.zoom.split("\t");
  return state.zoom && key === syncKey(axis) && Number(low) < Number(high) ? [Number(low), Number(high)] : null;
}

function zoomTo(plot, axis) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const [low, high] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  choose({ zoom: zoomText(axis, low, high) });
}

/** As it stands in the address: to a ten-thousandth of what is seen, however far from zero that is. */
function zoomText(axis, low, high) {
  const digits = Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))) + 5;
  return [syncKey(axis), ...[low, high].map((one) => Number(one.toPrecision(Math.min(17, Math.max(5, digits)))))].join("\t");
}

/** Without a mouse: `times` as much as the first chart in sight shows, moved by a share of that. */
function zoomBy(times, moved = 0) {
  const chart = drawnCharts().find(({ host }) => host.getBoundingClientRect().bottom > 0);
  if (!chart) return;
  const { min, max } = chart.plot.scales.x;
  const [middle, width] = [(min + max) / 2 + moved * (max - min), (max - min) * times];
  const [first, last] = xRange(chart.lines);
  choose({ zoom: width < 0.99 * (last - first) ? zoomText(chart.axis, middle - width / 2, middle + width / 2) : "" });
}

function sizeOfAxis(plot, labels) {
  const longest = Math.max(0, ...(labels || []).map((label) => String(label ?? "").length));
  return Math.max(38, 14 + longest * 6.3);
}

/* What sections of a run's page paint on each chart besides: each is a function of the plot and the chart. */
const painters = [];

/** The grey ones first, then the strong ones, the best of them last and so on top. */
function paintLines(plot, chart) {
  const { ctx, bbox } = plot;
  const { lines } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 5, bbox.top - 5, bbox.width + 12, bbox.height + 8);
  ctx.clip();
  ctx.lineJoin = "round";
  const strong = lines.filter((line) => line.isStrong).reverse();
  const few = strong.length <= 12 && lines.length <= 30;
  paintGrey(plot, lines.filter((line) => !line.isStrong));
  for (const line of strong) if (line.low && (few || line.isGroup)) paintBand(plot, line);
  for (const line of strong) if (state.smooth && !line.isGroup && few) stroke(plot, line.x, line.raw, line.colour, 1, 0.22);
  for (const line of strong) stroke(plot, line.x, line.y, line.colour, 1.5, 1);
  for (const line of strong) if (line.best >= 0 && few) paintBest(plot, line);
  for (const paint of painters) paint(plot, chart);
  ctx.restore();
}

function paintGrey(plot, lines) {
  const alpha = lines.length > 60 ? 0.35 : 0.6;
  for (const line of lines) stroke(plot, line.x, line.y, line.colour, 1, alpha);
}

function pathOf(plot, x, y, canvas = true) {
  const path = new Path2D();
  const [placeX, placeY] = [placer(plot, "x", canvas), placer(plot, "y", canvas)];
  let isDown = false;
  for (let i = 0; i < x.length; i++) {
    if (!isPlaced(y[i])) {
      isDown = false;
      continue;
    }
    const left = placeX(x[i]);
    const top = placeY(y[i]);
    if (isDown) path.lineTo(left, top);
    else path.moveTo(left, top);
    const isAlone = !isDown && !isPlaced(y[i + 1]);
    if (isAlone) path.arc(left, top, 1.5 * (canvas ? devicePixelRatio : 1), 0, 7);
    isDown = true;
  }
  return path;
}

/* A logarithm has no place for what is not positive. */
const isPlaced = (value) => Number.isFinite(value) && !(state.log && value <= 0);

/** uPlot's `valToPos`, once for many points. */
function placer(plot, scale, canvas) {
  const { min, max } = plot.scales[scale];
  const from = plot.valToPos(min, scale, canvas);
  const width = plot.valToPos(max, scale, canvas) - from;
  if (scale === "x" || !state.log) return (value) => from + ((value - min) / (max - min)) * width;
  const [low, high] = [Math.log10(min), Math.log10(max)];
  return (value) => from + ((Math.log10(value) - low) / (high - low)) * width;
}

function stroke(plot, x, y, shade, width, alpha) {
  const { ctx } = plot;
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = shade;
  ctx.lineWidth = width * devicePixelRatio;
  ctx.stroke(pathOf(plot, x, y));
  ctx.globalAlpha = 1;
}

/** From the least to the greatest of what each point stands for: no spike is averaged away. */
function paintBand(plot, { x, low, high, y, colour: shade, isGroup }) {
  const { ctx } = plot;
  const path = new Path2D();
  const floor = plot.scales.y.min;
  const top = (i) => plot.valToPos(isPlaced(high[i]) ? high[i] : y[i], "y", true);
  const bottom = (i) => plot.valToPos(isPlaced(low[i]) ? low[i] : floor, "y", true);
  for (const [from, to] of stretches(high)) {
    path.moveTo(plot.valToPos(x[from], "x", true), bottom(from));
    for (let i = from; i < to; i++) path.lineTo(plot.valToPos(x[i], "x", true), top(i));
    for (let i = to - 1; i >= from; i--) path.lineTo(plot.valToPos(x[i], "x", true), bottom(i));
    path.closePath();
  }
  ctx.globalAlpha = state.smooth && !isGroup ? BAND / 2 : BAND;
  ctx.fillStyle = shade;
  ctx.fill(path);
  if (!isGroup) { // a spike of one step may be narrower than a pixel
    ctx.globalAlpha = state.smooth ? 0.3 : 0.4;
    ctx.strokeStyle = shade;
    ctx.lineWidth = devicePixelRatio / 2;
    ctx.stroke(path);
  }
  ctx.globalAlpha = 1;
}

/** Where a line goes on without a gap, as from and to. */
function* stretches(y) {
  let from = -1;
  for (let i = 0; i <= y.length; i++) {
    const isThere = i < y.length && isPlaced(y[i]);
    if (isThere && from < 0) from = i;
    if (!isThere && from >= 0) {
      yield [from, i];
      from = -1;
    }
  }
}

function paintBest(plot, line) {
  const value = Number.isFinite(line.bestValue) ? line.bestValue : line.y[line.best];
  if (!isPlaced(value)) return;
  const { ctx } = plot;
  ctx.beginPath();
  ctx.arc(plot.valToPos(line.x[line.best], "x", true), plot.valToPos(value, "y", true), 3.4 * devicePixelRatio, 0, 7);
  ctx.fillStyle = colour("--card");
  ctx.strokeStyle = line.colour;
  ctx.lineWidth = 1.6 * devicePixelRatio;
  ctx.fill();
  ctx.stroke();
}

/** The run that is pointed at, drawn over the others without drawing these again. */
function paintOverlay(chart, hot, at) {
  const { plot } = chart;
  if (!plot) return; // it is just being made
  const line = hot && chart.lines.find((one) => (one.run || one.group) === hot);
  const isEmpty = at == null && !(line && chart.lines.length > 1);
  if (isEmpty) return void chart.overlay?.remove();
  const overlay = (chart.overlay ||= el("canvas.overlay"));
  if (!overlay.isConnected) plot.over.append(overlay);
  const [width, height] = [plot.over.clientWidth, plot.over.clientHeight];
  overlay.width = width * devicePixelRatio;
  overlay.height = height * devicePixelRatio;
  overlay.style.width = `${width}px`;
  overlay.style.height = `${height}px`;
  const ctx = overlay.getContext("2d");
  ctx.scale(devicePixelRatio, devicePixelRatio);
  if (line && chart.lines.length > 1) paintHot(ctx, plot, line);
  if (at == null) return;
  for (const one of chart.lines.length <= 12 ? chart.lines : line ? [line] : []) paintSpot(ctx, plot, one, at);
}

function paintHot(ctx, plot, line) {
  const path = pathOf(plot, line.x, line.y, false);
  ctx.lineJoin = "round";
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 2.4 + HALO;
  ctx.stroke(path);
  ctx.strokeStyle = line.isStrong ? line.colour : colour("--accent");
  ctx.lineWidth = 2.4;
  ctx.stroke(path);
}

function paintSpot(ctx, plot, line, at) {
  const i = nearest(line.x, at);
  if (!isPlaced(line.y[i]) || !isAt({ plot }, line, i, at)) return;
  ctx.beginPath();
  ctx.arc(plot.valToPos(line.x[i], "x"), plot.valToPos(line.y[i], "y"), 3, 0, 7);
  ctx.fillStyle = line.isStrong ? line.colour : colour("--accent");
  ctx.fill();
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 1.2;
  ctx.stroke();
}
