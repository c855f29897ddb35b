/* The keyboard. */

const KEYS = [["/", "filter the runs"], ["f", "find a metric"], ["j k ↓ ↑", "from run to run, in the table"], ["Enter", "the run's own page"], ["Space", "show or hide the run"], ["x", "the next x axis"], ["l", "logarithmic y"], ["s S", "smoother, less smooth"], ["+ −", "zoom in, out"], ["← →", "along the zoom"], ["z", "zoom out to all"], ["d", "dark or light"], ["Esc", "back"]];

function showHelp() {
  openDialog("Keys", el("dl.keys", {}, KEYS.map(([key, what]) => [el("dt", {}, key.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, what)])),
    el("p.dim", {}, "Drag over a chart to zoom, double-click to zoom out. Filter by name, params, metrics and tags: "), el("pre", {}, "val/loss < 0.3 and optimizer = adam\nstatus = failed or not (lr >= 0.01)\nname ~ sweep and age < 2h and min.val/loss < 0.1"));
}

function keyPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isWriting = event.target.closest?.("input, select, textarea");
  if (isWriting) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (keyInTable(event) || keyAnywhere(event)) event.preventDefault();
}

function keyAnywhere({ key }) {
  const kinds = Object.keys(X_KINDS);
  const keys = {
    "/": () => $("q").focus(), f: () => $("find").focus(), d: switchTheme, "?": showHelp,
    l: () => choose({ log: !state.log }), z: () => choose({ zoom: "" }), x: () => choose({ x: kinds[(kinds.indexOf(state.x) + 1) % kinds.length], zoom: "" }),
    s: () => choose({ smooth: Math.min(0.99, +(state.smooth + 0.1).toFixed(2)) }), S: () => choose({ smooth: Math.max(0, +(state.smooth - 0.1).toFixed(2)) }),
    Escape: () => state.run && choose({ run: "", with: "" }), j: () => $("table").tBodies[0].rows[0]?.focus(),
  };
  const zooms = { "+": [0.5], "=": [0.5], "-": [2], ...(state.zoom && { ArrowLeft: [1, -0.25], ArrowRight: [1, 0.25] }) };
  if (Object.hasOwn(zooms, key)) keys[key] = () => zoomBy(...zooms[key]);
  if (!Object.hasOwn(keys, key)) return false;
  keys[key]();
  return true;
}
