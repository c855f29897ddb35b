/* One run's page: what it was told, what came of it, with what it was made, and what it left. */

let toldOf = ""; // what is shown: it stays while only the charts change, with what is open in it and has the focus

function showRun(run, other) {
  const node = $("run");
  const key = [run, other].map((one) => one && one.uid + one.colour).join();
  if (key === toldOf) return;
  toldOf = key;
  const said = run.details || {};
  const environment = Object.entries(run.facts);
  fill(
    node,
    headOfRun(run),
    run.error || run.message ? el("pre.error", {}, `${run.error}${run.message ? `: ${run.message}` : ""}`) : null,
    el("div.columns", {},
      panel("Metrics", metricsOf(run, other), "wide"),
      panel(other ? `Params, beside ${cut(other.name, 40)}` : "Params", paramsOf(run, other)),
      panel("Made with", pairs(environment)),
      panel("Attempts", (said.attempts || []).length > 1 || run.status !== "finished" ? attemptsOf(said.attempts || []) : null),
      panel("Tags", pairs([...run.tags].map(([name, value]) => [name, value || "yes"]))),
      panel("Trackers", pairs((run.trackers || []).map(({ name, state: how }) => [name, how])))),
  );
  fill($("kept"), artifactsOf(said.artifacts || []), patchPanel(textAt(said.patch)));
}

function headOfRun(run) {
  const others = runs.filter((one) => one !== run);
  const back = others.length ? el("a.back", { href: "#", click: (event) => (event.preventDefault(), choose({ run: "", with: "" })) }, `← all ${runs.length} runs`) : null;
  const choice = others.length ? el("label.field", {}, "beside", el("select", { change: (event) => choose({ with: event.target.value }) }, el("option", { value: "" }, "none"), others.slice(0, 1000).map((one) => el("option", { value: one.uid, selected: one.uid === state.with }, cut(one.name, 60))))) : null;
  const facts = [run.took != null ? `took ${duration(run.took)}` : "", `began ${moment(run.began)}`, run.epoch != null ? `epoch ${run.epoch}${run.planned ? `/${run.planned}` : ""}` : "", run.attempts > 1 ? many(run.attempts, "attempt") : "", run.host ? `on ${run.host}` : "", run.revision ? `git ${run.revision}` : ""];
  const title = el("h2", { title: cut(run.name, 2000) }, swatch(run.colour), cut(run.name, 120), statusOf(run));
  return el("header.of-run", {}, el("div", {}, back, title, el("p.facts", {}, facts.filter(Boolean).join(" · ")), el("p.facts.path", {}, el("code", {}, run.path || run.directory))), choice);
}

const panel = (title, content, kind) => (content ? el(`section.panel${kind ? `.${kind}` : ""}`, {}, el("h3", {}, title), content) : null);

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

function metricsOf(run, other) {
  const names = [...run.metrics.keys()].filter((name) => !name.startsWith("system/") || run.metrics.size < 12);
  if (!names.length) return null;
  const heads = ["metric", "", "last", other ? `last of ${cut(other.name, 20)}` : null, "best", "at", "min", "max", "records"].filter((one) => one != null);
  const head = el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)));
  const table = el("table.plain.metrics", {}, el("thead", {}, head), el("tbody", {}, names.slice(0, 200).map((name) => metricRow(run, other, name))));
  return el("div.scroll", {}, table, names.length > 200 ? el("p.empty", {}, `${names.length - 200} more: their charts are below`) : null);
}

function metricRow(run, other, name) {
  const said = run.metrics.get(name);
  const mode = direction(name);
  const best = run.best.get(name)?.value ?? (mode ? said[mode] : null);
  const at = run.best.get(name)?.step ?? (mode ? said[`${mode}Step`] : null);
  const cells = [number(said.last), other ? (other.metrics.has(name) ? number(other.metrics.get(name).last) : "") : null, best == null ? "" : `${number(best)} ${mode === "min" ? "↓" : "↑"}`, at == null ? "" : `${said.axis} ${at}`, number(said.min), number(said.max), said.n.toLocaleString("en")];
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

function attemptsOf(attempts) {
  const row = (one) => el("tr", {}, el("th", { scope: "row" }, String(one.number)), el("td", {}, el(`span.status.${one.status.replace(/\W/g, "")}`, {}, one.status)), el("td", {}, moment(one.began)), el("td", {}, one.host), el("td", { title: cut(one.message || "", 500) }, one.error || ""));
  return attempts.length ? el("table.plain.attempts", {}, el("tbody", {}, attempts.map(row))) : null;
}

function artifactsOf(artifacts) {
  if (!artifacts.length) return null;
  const pictures = artifacts.filter((one) => one.picture);
  const tables = [...artifacts.filter((one) => one.table), ...artifacts.filter((one) => one.text != null && one.name !== "requirements.txt"), ...artifacts.filter((one) => one.name === "requirements.txt")];
  return el("section.panel", {}, el("h3", {}, "Artifacts"),
    el("ul.files", {}, artifacts.map(fileOf)),
    pictures.length ? el("div.pictures", {}, pictures.map((one) => el("figure", {}, el("img", { src: one.picture, alt: one.name, loading: "lazy" }), el("figcaption", {}, cut(one.name, 80))))) : null,
    tables.map((one) => el("details.inline", { open: Boolean(one.table) && tables[0] === one }, el("summary", {}, cut(one.name, 80)), one.table ? el("div.scroll", {}, tableOf(one.table)) : el("pre", {}, textAt(one.text)))));
}

function fileOf(one) {
  const name = one.href ? el("a", { href: one.href }, cut(one.name, 80)) : cut(one.name, 80);
  return el("li", {}, name, el("span.dim", {}, [bytes(one.size), one.sha256 ? `sha256 ${one.sha256.slice(0, 8)}` : "", one.note || ""].filter(Boolean).join(" · ")));
}

function tableOf([head, ...body]) {
  return el("table.plain", {}, el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cut(cell, 80))))), el("tbody", {}, body.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cut(cell, 200)))))));
}

function patchPanel(text) {
  if (!text) return null;
  const head = el("summary", {}, el("h3", {}, "Changes since the commit"), el("span.count", {}, many(text.split("\n").length, "line")));
  return el("details.panel.patch", {}, head, patchOf(text));
}

function patchOf(text) {
  const kind = (line) => (/^(\+\+\+|---|diff|index)/.test(line) ? "file" : line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "");
  return el("pre", {}, text.split("\n").map((line) => el(kind(line) ? `span.${kind(line)}` : "span", {}, `${line}\n`)));
}
