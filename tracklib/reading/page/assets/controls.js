/* What the reader chooses with: the bar over the charts, the legend, the dialogs. */

function showControls(one, shown) {
  $("q").value !== state.q && ($("q").value = state.q);
  $("find").value !== state.find && ($("find").value = state.find);
  $("smooth").value = state.smooth;
  $("smooth-value").textContent = state.smooth ? state.smooth.toFixed(2) : "off";
  $("log").checked = state.log;
  $("tame").checked = state.tame;
  for (const button of $("x").children) button.setAttribute("aria-pressed", String(button.dataset.x === state.x));
  $("group-field").hidden = Boolean(one) || runs.length < 3 || !differing.length;
  $("group").value = state.group;
  $("unzoom").hidden = !state.zoom;
  showLegend(shown);
}

/** The strong runs' colours, in sight wherever the reader has scrolled to. */
function showLegend(shown) {
  const groups = state.group && !state.run ? [...groupsOf(shown)].map(([name, list], rank) => [`${brief(name, 40)} (${list.length})`, palette(rank), name]) : null;
  const chips = groups || shown.filter((run) => run.isStrong).map((run) => [brief(run.name, 30), run.colour, run]);
  const chip = ([name, shade, what]) => el("button.chip", { title: cut(what.name ?? what, 200), mouseenter: () => pointAt(what), focus: () => pointAt(what), mouseleave: () => pointAt(null), click: () => what.uid && choose({ run: what.uid, with: "" }) }, swatch(shade), name);
  const rest = shown.length - chips.length;
  fill($("legend"), shown.length > 1 || groups ? chips.slice(0, 12).map(chip) : null, rest > 0 && !groups ? el("span.rest", {}, `${rest} more in grey`) : null);
}

function makeControls() {
  const bind = (id, event, change) => $(id).addEventListener(event, () => choose(change($(id))));
  bind("q", "input", (box) => ({ q: box.value }));
  bind("find", "input", (box) => ({ find: box.value }));
  bind("smooth", "input", (box) => ({ smooth: Number(box.value) }));
  bind("log", "change", (box) => ({ log: box.checked }));
  bind("tame", "change", (box) => ({ tame: box.checked }));
  bind("group", "change", (box) => ({ group: box.value }));
  fill($("x"), Object.entries(X_KINDS).map(([kind, name]) => el("button", { "data-x": kind, click: () => choose({ x: kind, zoom: "" }) }, name)));
  const seeds = differing.some((name) => /(^|[/_.])seed$/i.test(name)) && differing.length > 1;
  const choices = [["", "nothing"], ...(seeds ? [["*", "all but the seed"]] : []), ...differing.map((name) => [`params.${name}`, name]), ["status", "status"]];
  fill($("group"), choices.map(([value, name]) => el("option", { value }, cut(name, 40))));
  $("unzoom").addEventListener("click", () => choose({ zoom: "" }));
  $("columns").addEventListener("click", chooseColumns);
  $("theme").addEventListener("click", switchTheme);
  $("help").addEventListener("click", showHelp);
  for (const tab of $("views").children) tab.addEventListener("click", () => choose({ view: tab.dataset.view }));
  const row = (event) => event.target.closest?.("tbody tr");
  $("table").addEventListener("mouseover", (event) => row(event)?.run && pointAt(row(event).run));
  $("table").addEventListener("mouseleave", () => pointAt(null));
  $("table").addEventListener("click", clickRow);
}

function clickRow(event) {
  const row = event.target.closest("tbody tr");
  if (!row || event.target.closest("a, button") || getSelection().toString()) return;
  if (event.shiftKey) choose({ run: row.run.uid, with: "" });
  else toggleHidden(row.run);
}

function showTheme() {
  const prefers = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = state.theme || prefers;
}

function switchTheme() {
  const next = isDark() ? "light" : "dark";
  Object.assign(state, { theme: next });
  writeHash(false);
  showTheme();
  redraw();
}

function openDialog(title, ...content) {
  const dialog = $("dialog");
  fill(dialog, el("header", {}, el("h3", {}, title), el("button.ghost", { "aria-label": "Close", click: () => dialog.close() }, "✕")), content);
  if (!dialog.open) dialog.showModal();
}
