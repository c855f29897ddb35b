/* All runs: the table, and the pictures over them. */

let seen = ""; // what the table and the picture show: a smoother curve changes neither

function showOverview(shown, isPaper) {
  const view = runs.length > 1 ? state.view : "";
  const key = JSON.stringify([state.q, sortedBy(), state.hide, state.cols, view, state.a, state.b, isDark(), isPaper, innerWidth]);
  if (key === seen) return;
  seen = key;
  showTable(filtered, { isPaper });
  $("count").textContent = filtered.length === runs.length ? many(runs.length, "run") : `${filtered.length} of ${many(runs.length, "run")}`;
  $("views").hidden = $("columns").hidden = runs.length < 2;
  if (!runs.length) $("none").textContent = "There is no run here.";
  for (const tab of $("views").children) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  fill($("picture"), view === "parallel" ? parallel(shown) : view === "scatter" ? scatter(shown) : null);
}

/** How many runs ended in which way. */
function showCounts() {
  const counts = new Map();
  for (const run of runs) counts.set(run.status, (counts.get(run.status) || 0) + 1);
  const order = ["running", "finished", "failed", "killed", "preempted"];
  const said = [...counts].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const pick = (status) => choose({ run: "", q: state.q === `status = ${status}` ? "" : `status = ${status}` });
  fill($("counts"), said.map(([status, count]) => el(`button.plain.status.${status.replace(/\W/g, "")}`, { click: () => pick(status), title: "Filter by it" }, `${count.toLocaleString("en")} ${status}`)));
  $("q").parentNode.hidden = $("counts").hidden = runs.length < 2;
  $("title").classList.toggle("unseen", runs.length === 1 && page.title === runs[0].name); // it stands below, with how it went
  $("made").textContent = `as of ${moment(page.made)}`;
}
