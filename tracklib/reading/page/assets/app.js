/* The page as a whole: what is chosen decides what is drawn. */

let filtered = runs;

function redraw({ isPaper = false } = {}) {
  tooltip.hidden = true;
  pointed = null;
  const one = byUid.get(state.run) || (runs.length === 1 ? runs[0] : null);
  const test = parsed(state.q);
  filtered = sorted(test ? runs.filter(test) : runs, sortedBy());
  const shown = one ? [one, byUid.get(state.with)].filter(Boolean) : filtered.filter((run) => !isHidden(run));
  paintRuns(shown);
  document.title = one ? `${cut(one.name, 80)} · tracklib` : `${cut(page.title, 80)} · tracklib`;
  $("overview").hidden = Boolean(one);
  $("run").hidden = !one;
  $("kept").hidden = !one;
  if (one) showRun(one, byUid.get(state.with));
  else showOverview(shown, isPaper);
  $("curves").hidden = !runs.length || (!one && Boolean(state.view) && !isPaper);
  showControls(one, shown);
  showCharts(one ? shown : runs, shown);
  lookCloser();
}

let lastGood = null;
function parsed(text) {
  const trouble = $("trouble");
  try {
    lastGood = text.trim() ? parseWhere(text) : null;
    trouble.hidden = true;
    $("q").removeAttribute("aria-invalid");
  } catch (error) {
    if (!(error instanceof WhereError)) throw error;
    fill(trouble, el("pre", {}, `${text}\n${" ".repeat(error.at)}^`), error.message);
    trouble.hidden = document.activeElement !== $("q") && !text;
    $("q").setAttribute("aria-invalid", "true");
  }
  return lastGood;
}

/* While a run goes on the file is written anew, and the page reads it again; where the reader was stays. */
const PLACE = `tracklib:${location.pathname}`;
function follow() {
  if (!page.follow) return;
  history.scrollRestoration = "manual"; // the browser's own comes later, and knows an older place
  const isBusy = () => document.hidden || document.querySelector("dialog[open]") || document.activeElement?.closest("input, select") || pointed;
  setInterval(async () => {
    if (isBusy() || !(await isNews())) return;
    addEventListener("pagehide", () => keep({ top: scrollY, folded: [...folded] }), { once: true }); // whoever scrolls until then
    location.reload();
  }, page.follow * 1000);
}

/** Of a file nobody can say; the server that made the page knows without making another one. */
async function isNews() {
  if (!page.mark) return true;
  try {
    const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    return answer.ok && answer.headers.get("ETag") !== page.mark;
  } catch {
    return false; // it was ended: what is shown stays
  }
}

function keep(place) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  } catch {
    /* a browser may forbid it: the page then begins at its top */
  }
}

/** What this page kept when it read itself again; to ask costs a first look time. */
function kept() {
  if (performance.getEntriesByType("navigation")[0]?.type !== "reload") return null;
  try {
    const place = JSON.parse(sessionStorage.getItem(PLACE) || "null");
    sessionStorage.removeItem(PLACE);
    return place;
  } catch {
    return null;
  }
}

function start() {
  const place = kept();
  if (place) folded = new Set(place.folded);
  document.body.append(tooltip);
  tooltip.hidden = true;
  $("title").textContent = page.title;
  readHash();
  showTheme();
  makeControls();
  showCounts();
  redraw();
  if (place) {
    addCards(Infinity);
    scrollTo(0, place.top);
  }
  addEventListener("hashchange", () => (readHash(), showTheme(), redraw()));
  addEventListener("popstate", () => (readHash(), showTheme(), redraw()));
  addEventListener("keydown", keyPressed);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (showTheme(), redraw()));
  follow();
}

start();
