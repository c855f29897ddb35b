/* One run's page: what it was told, what came of it, with what it was made, and what it left. */

let toldOf = ""; // what is shown: it stays while only the charts change, with what is open in it and has the focus

function showRun(run, other) {
  const node = $("run");
  const key = [run, other].map((one) => one && one.uid + one.colour).join();
  if (key === toldOf) return;
  toldOf = key;
  const metrics = panel("Metrics", metricsOf(run, other));
  const rest = [
    panel(other ? `Params, beside ${brief(other.name, 40)}` : "Params", paramsOf(run, other)),
    panel("Made with", pairs(Object.entries(run.facts))),
    sectionsIn("facts", run, other),
    panel("Tags", pairs([...run.tags].map(([name, value]) => [name, value || "yes"]))),
    panel("Trackers", pairs((run.trackers || []).map(({ name, state: how }) => [name, how]))),
  ].flat().filter(Boolean);
  fill(
    node,
    headOfRun(run),
    run.error || run.message ? el("pre.error", {}, `${run.error}${run.message ? `: ${run.message}` : ""}`) : null,
    metrics && rest.length === 1 ? el("div.columns.pair", {}, metrics, rest) : [metrics, el("div.columns", {}, rest)],
  );
  fill($("kept"), sectionsIn("below", run, other));
  for (const one of document.querySelectorAll("#run :is(.panel, .scroll, pre)")) if (isScrolled(one)) one.tabIndex = 0; // for the keyboard
}

const isScrolled = (node) => node.scrollHeight > node.clientHeight || node.scrollWidth > node.clientWidth;

function headOfRun(run) {
  const others = runs.filter((one) => one !== run);
  const back = others.length ? el("a.back", { href: "#", click: (event) => (event.preventDefault(), choose({ run: "", with: "" })) }, `← all ${runs.length} runs`) : null;
  const choice = others.length ? el("label.field", {}, "beside", el("select", { change: (event) => choose({ with: event.target.value }) }, el("option", { value: "" }, "none"), others.slice(0, 1000).map((one) => el("option", { value: one.uid, selected: one.uid === state.with }, brief(one.name, 60))))) : null;
  const facts = [run.took != null ? `took ${duration(run.took)}` : "", `began ${moment(run.began)}`, run.epoch != null ? `epoch ${run.epoch}${run.planned ? `/${run.planned}` : ""}` : "", run.attempts > 1 ? many(run.attempts, "attempt") : "", run.host ? `on ${run.host}` : "", run.revision ? `git ${run.revision}` : ""];
  const title = el("h2", { title: cut(run.name, 2000) }, swatch(run.colour), cut(run.name, 120), statusOf(run));
  return el("header.of-run", {}, el("div", {}, back, title, el("p.facts", {}, facts.filter(Boolean).join(" · ")), el("p.facts.path", {}, el("code", {}, run.path || run.directory))), choice);
}

function statusOf(run) {
  return el(`span.status.${run.status.replace(/\W/g, "")}`, {}, run.status);
}

function pairs(entries) {
  const told = entries.filter(([, value]) => value !== "" && value != null);
  return told.length ? el("dl", {}, told.map(([name, value]) => [el("dt", {}, cut(name, 60)), el("dd", {}, cut(shown(value), 2000))])) : null;
}

function paramsOf(run, other) {
  const names = [...new Set([...run.params.keys(), ...(other ? other.params.keys() : [])])];
  if (!names.length) return null;
  const isOdd = (name) => other && JSON.stringify(run.params.get(name)) !== JSON.stringify(other.params.get(name));
  const ordered = other ? [...names.filter(isOdd), ...names.filter((name) => !isOdd(name))] : names;
  const row = (name) => el(isOdd(name) ? "tr.odd" : "tr", {}, el("th", { scope: "row", title: name }, cut(name, 50)), el("td", {}, cut(shown(run.params.get(name)), 300)), other ? el("td.other", {}, cut(shown(other.params.get(name)), 300)) : null);
  return el("table.plain", {}, el("tbody", {}, ordered.map(row)));
}

const METRIC_ROWS = 60;

function metricsOf(run, other) {
  const names = [...run.metrics.keys()].filter((name) => !name.startsWith("system/") || run.metrics.size < 12);
  if (!names.length) return null;
  const heads = ["metric", "curve", "last", other ? `last of ${brief(other.name, 16)}` : null, "best", "at", "min", "max", "records"].filter((one) => one != null);
  const head = el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)));
  const table = el("table.plain.metrics", {}, el("thead", {}, head), el("tbody", {}, names.slice(0, METRIC_ROWS).map((name) => metricRow(run, other, name))));
  return el("div.scroll", {}, table, names.length > METRIC_ROWS ? el("p.empty", {}, `${names.length - METRIC_ROWS} more: their charts are below`) : null);
}

function metricRow(run, other, name) {
  const said = run.metrics.get(name);
  const mode = direction(name);
  const best = run.best.get(name)?.value ?? (mode ? said[mode] : null);
  const at = run.best.get(name)?.step ?? (mode ? said[`${mode}Step`] : null);
  const cells = [measured(said.last), other ? (other.metrics.has(name) ? measured(other.metrics.get(name).last) : "") : null, best == null ? "" : `${measured(best)} ${mode === "min" ? "↓" : "↑"}`, at == null ? "" : `${said.axis} ${at.toLocaleString("en")}`, measured(said.min), measured(said.max), said.n.toLocaleString("en")];
  return el("tr", {}, el("th", { scope: "row", title: name }, cut(name, 60)), el("td.spark", {}, sparkline(run, said.axis, name)), cells.filter((one) => one != null).map((text) => el("td", {}, text)));
}

function sparkline(run, axis, name) {
  const series = run.series.get(`${axis}\n${name}`);
  if (!series) return null;
  const y = [...series.mean];
  const real = y.filter(Number.isFinite);
  if (real.length < 2) return null;
  const [low, high] = [Math.min(...real), Math.max(...real)];
  const place = (value, i) => (Number.isFinite(value) ? `${((i / (y.length - 1)) * 88 + 1).toFixed(1)},${(19 - ((value / 2 - low / 2) / (high / 2 - low / 2 || 1)) * 17).toFixed(1)}` : "");
  return svg("svg", { width: 90, height: 20, "aria-hidden": "true" }, svg("polyline", { points: y.map(place).join(" "), stroke: run.colour, class: "spark" }));
}
