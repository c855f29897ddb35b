/* Parallel coordinates: each run a line over its params, ending in the metric. Drag along an axis to filter by it. */

const TALL = 250;
const AXES = 9;

function parallel(list) {
  const target = targetMetric();
  const params = differing.filter((name) => !/(^|[/_.])seed$/i.test(name)).slice(0, AXES).map((name) => `params.${name}`);
  if (!params.length || !target) return el("p.empty", {}, "The runs differ in no param.");
  const width = Math.max(480, $("overview").clientWidth - 12);
  const axes = [...params, target].map((name) => scaleOf(name, list, TALL - 26, 40));
  axes.forEach((axis, i) => (axis.x = 56 + (i * (width - 150)) / (axes.length - 1)));
  const lines = [...list].reverse().flatMap((run) => lineOver(run, axes));
  lines.sort((a, b) => a.dataset.strong - b.dataset.strong);
  const label = `Parallel coordinates of ${many(list.length, "run")} over ${params.length} params and ${field(target).label}`;
  return svg("svg", { width, height: TALL, role: "img", "aria-label": label, class: "parallel" }, lines, axes.map(axisOf));
}

function lineOver(run, axes) {
  const points = axes.map((axis, place) => ({ place, x: axis.x, y: axis.place(field(axis.name).value(run)) })).filter(({ y }) => y != null);
  const steps = points.slice(1).map((to, i) => ({ to, from: points[i] }));
  const isNext = ({ from, to }) => to.place === from.place + 1;
  const parts = [[steps.filter(isNext), ""], [steps.filter((step) => !isNext(step)), " missing"]].filter(([some]) => some.length);
  return parts.map(([some, kind]) => pathOver(run, some, kind));
}

/** Where the run has no value on an axis, its line is dashed: it goes by there, and does not cross at a value. */
function pathOver(run, steps, kind) {
  let before = null;
  const path = steps.map(({ from, to }) => {
    const start = from === before ? "" : `M${from.x.toFixed(1)},${from.y.toFixed(1)}`;
    before = to;
    return `${start}L${to.x.toFixed(1)},${to.y.toFixed(1)}`;
  });
  const line = svg("path", { d: path.join(""), class: `${run.isStrong ? "strong" : ""}${kind}`, stroke: run.colour, "data-strong": run.isStrong ? 1 : 0 }, svg("title", {}, cut(run.name, 200)));
  line.addEventListener("mouseenter", () => pointAt(run));
  line.addEventListener("click", () => choose({ run: run.uid, with: "" }));
  return line;
}

function axisOf(axis) {
  const { label, over } = field(axis.name);
  const name = `${cut(label, 18)}${axis.isLog ? " (log)" : ""}`;
  const ticks = axis.ticks.map(([text, y]) => svg("text", { x: axis.x + 7, y: y + 4, class: "tick" }, text));
  const brush = svg("rect", { x: axis.x - 12, y: 34, width: 24, height: TALL - 54, class: "brush" });
  brush.addEventListener("pointerdown", (event) => startBrush(event, axis, brush));
  return svg("g", {}, svg("line", { x1: axis.x, x2: axis.x, y1: 40, y2: TALL - 26, class: "axis" }),
    svg("text", { x: axis.x, y: 15, class: "name" }, name, svg("title", {}, label)), svg("text", { x: axis.x, y: 29, class: "over" }, over), ticks, brush);
}

/** What is dragged over becomes a part of the filter, where it can be read, changed and taken back. */
function startBrush(event, axis, brush) {
  const top = brush.ownerSVGElement.getBoundingClientRect().top;
  const from = event.clientY - top;
  const mark = svg("rect", { x: axis.x - 8, width: 16, class: "brushed" });
  brush.after(mark);
  const move = (later) => set(mark, { y: Math.min(from, later.clientY - top), height: Math.abs(later.clientY - top - from) });
  const done = (later) => {
    brush.removeEventListener("pointermove", move);
    mark.remove();
    if (Math.abs(later.clientY - top - from) > 3) filterBy(axis, [from, later.clientY - top].sort((a, b) => a - b));
  };
  brush.setPointerCapture(event.pointerId);
  brush.addEventListener("pointermove", move);
  brush.addEventListener("pointerup", done, { once: true });
}

function filterBy(axis, [top, bottom]) {
  const name = quoted(axis.name);
  const among = axis.ticks.filter(([, y]) => y >= top && y <= bottom).map(([text]) => `${name} = ${quotedValue(text)}`);
  const round = (value) => +value.toPrecision(3);
  const said = axis.isNumeric ? `${name} >= ${round(axis.valueAt(bottom))} and ${name} <= ${round(axis.valueAt(top))}` : among.length > 1 ? `(${among.join(" or ")})` : among[0];
  if (said) choose({ q: state.q ? `${state.q} and ${said}` : said });
}
