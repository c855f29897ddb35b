/* One value over another, each run a dot. */

function scatter(list) {
  const target = state.b || targetMetric();
  const over = state.a || (differing.length ? `params.${differing.find((name) => runs.every((run) => typeof run.params.get(name) === "number")) || differing[0]}` : "took");
  const width = Math.max(320, $("overview").clientWidth - 12);
  const [x, y] = [scaleOf(over, list, 64, width - 24), scaleOf(target, list, TALL - 14, 14)];
  const dots = [...list].reverse().map((run) => dotOf(run, x, y));
  dots.sort((a, b) => (a?.dataset.strong || 0) - (b?.dataset.strong || 0));
  const marks = [
    x.ticks.map(([text, at]) => [svg("line", { x1: at, x2: at, y1: 10, y2: TALL - 6, class: "gridline" }), svg("text", { x: at, y: TALL + 10, class: "tick middle" }, text)]),
    y.ticks.map(([text, at]) => [svg("line", { x1: 56, x2: width - 12, y1: at, y2: at, class: "gridline" }), svg("text", { x: 50, y: at + 4, class: "tick end" }, text)]),
  ];
  const label = `${field(target).label} over ${field(over).label}, ${many(list.length, "run")}`;
  const drawing = svg("svg", { width, height: TALL + 18, role: "img", "aria-label": label, class: "scatter" }, marks.flat(3), dots);
  const pick = (name, value) => el("select", { "aria-label": `${name} axis`, change: (event) => choose({ [name === "x" ? "a" : "b"]: event.target.value }) }, axisChoices(value));
  return el("div", {}, el("div.axes", {}, pick("y", target), el("span", {}, "over"), pick("x", over), x.isLog || y.isLog ? el("span.dim", {}, `log ${[x, y].filter((one) => one.isLog).map((one) => field(one.name).label).join(", ")}`) : null), drawing);
}

function axisChoices(chosen) {
  const names = [...new Set([chosen, ...metricColumns(), ...differing.map((name) => `params.${name}`), "took", "epoch", ...metricNames.slice(0, 200).map((name) => `last.${name}`)])];
  return names.map((name) => el("option", { value: name, selected: name === chosen }, [field(name).over, cut(field(name).label, 50)].filter(Boolean).join(" ")));
}

function dotOf(run, x, y) {
  const [left, top] = [x.place(field(x.name).value(run)), y.place(field(y.name).value(run))];
  if (left == null || top == null) return null;
  const told = `${cut(run.name, 100)}: ${field(x.name).label} ${shown(field(x.name).value(run))}, ${field(y.name).label} ${shown(field(y.name).value(run))}`;
  const dot = svg("circle", { cx: left, cy: top, r: run.isStrong ? 5 : 3.5, fill: run.colour, class: run.isStrong ? "strong" : "", "data-strong": run.isStrong ? 1 : 0 }, svg("title", {}, told));
  dot.addEventListener("mouseenter", () => pointAt(run));
  dot.addEventListener("click", () => choose({ run: run.uid, with: "" }));
  return dot;
}
