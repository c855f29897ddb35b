/* The charts, in sections by the names' prefixes. Each is drawn when it comes near the window, a few in a frame, and
   let go when it is far away: a thousand metrics cost what is seen of them. */

const FRAME = 10; // milliseconds of drawing in a frame
const NEAR = "400px";
const cards = []; // of the charts that the page has now
let waiting = new Set();
let passed = 0; // where the page was scrolled to at the last frame

const drawnCharts = () => cards.map((card) => card.chart).filter(Boolean);

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const card = target.card;
      card.isNear = isIntersecting;
      if (!isIntersecting) letGo(card);
      else if (!card.chart) waiting.add(card);
    }
    drawWaiting();
  },
  { rootMargin: NEAR },
);

const drawWaiting = eachFrame(() => {
  const isRushing = Math.abs(scrollY - passed) > innerHeight / 5;
  passed = scrollY;
  if (isRushing) return void drawWaiting(); // nobody sees what flies by
  drawSome();
});

/** As many as a frame has time for, one at least; the others in the frames that follow. */
function drawSome() {
  const until = performance.now() + FRAME;
  for (const card of waiting) {
    drawCard(card);
    if (performance.now() > until) break;
  }
  if (waiting.size) drawWaiting();
  else requestAnimationFrame(() => performance.getEntriesByName(SEEN_AT).length || performance.mark(SEEN_AT));
}
const SEEN_AT = "charts drawn"; // for who measures: when the first ones were all there

function drawCard(card) {
  letGo(card);
  const lines = linesOf(card.axis, card.metric, drawnRuns);
  card.host.setAttribute("aria-label", describe(card, lines));
  if (!lines.length) return void fill(card.host, el("p.empty", {}, "None of the runs shown has it."));
  card.by.textContent = cut(xName(card.axis), 40);
  fill(card.host);
  card.chart = makeChart(card.host, { ...card, lines, height: card.height, onHover: hover });
  card.note.textContent = noteOf(lines);
  if (hot) paintOverlay(card.chart, hot, null);
}

function letGo(card) {
  waiting.delete(card);
  if (!card.chart) return;
  card.chart.plot.destroy();
  card.chart = null;
}

/** What of the picture a reader should know: that its points stand for many records, or that some have no place. */
function noteOf(lines) {
  const most = Math.max(...lines.map((line) => line.records));
  const notes = most > 1.5 ? [`a point is ${Math.round(most).toLocaleString("en")} records: their mean, in a band from least to greatest${state.zoom && !page.mark ? " (tracklib serve draws each)" : ""}`] : [];
  const lost = state.log ? counted(lines, (value) => value <= 0) : 0;
  if (lost) notes.push(`${many(lost, "value")} not above 0 not shown`);
  const odd = lines[0].isGroup ? 0 : counted(lines, (value) => !Number.isFinite(value));
  if (odd) notes.push(`${many(odd, "value")} not finite`);
  return notes.join(" · ");
}

function counted(lines, test) {
  let count = 0;
  for (const { raw } of lines) for (let i = 0; i < raw.length; i++) if (test(raw[i])) count++;
  return count;
}

function describe(card, lines) {
  const ends = lines.slice(0, 5).map((line) => `${brief(line.name, 40)} ${number(line.y[line.y.length - 1])}`);
  return `${card.metric} by ${xName(card.axis)}: ${many(lines.length, "line")}. Last values: ${ends.join(", ")}`;
}

function makeCard(axis, metric) {
  const host = el("div.plot", { role: "img", "aria-label": cut(metric, 200) }); // until it is drawn
  const note = el("span.note");
  const open = el("button.ghost.expand", { title: "Enlarge (Enter)", "aria-label": `Enlarge ${cut(metric, 80)}`, click: () => enlarge(card) }, "⤢");
  const name = el("h4", { title: metric }, cut(metric, 120));
  const by = el("span.by", { title: "The x axis" });
  const card = { axis, metric, host, note, by, node: el("article.card", {}, el("header", {}, name, by, open), host, note) };
  card.node.card = card;
  return card;
}

/** The sections: what is before the last "/" of a name, an axis of its own said beside it. */
function sections(names) {
  const found = new Map();
  for (const [axis, metric] of names) {
    const slash = metric.lastIndexOf("/");
    const prefix = slash > 0 ? metric.slice(0, slash) : "metrics";
    const title = prefix === axis || axis === "epoch" ? prefix : `${prefix} · by ${axis}`;
    if (!found.has(title)) found.set(title, []);
    found.get(title).push([axis, metric]);
  }
  return [...found].sort(([a], [b]) => rankOf(a) - rankOf(b));
}

/* What is validated comes first, what the machine did last. */
const rankOf = (title) => (/^(val|eval|test|metrics$)/.test(title) ? 0 : title.startsWith("system") ? 2 : 1);

function seriesNames(list) {
  const found = new Map();
  for (const run of list) for (const [key, { axis, metric }] of run.series) if (!found.has(key)) found.set(key, [axis, metric]);
  return [...found.values()];
}

let drawnRuns = [];
let built = ""; // which cards there are: they are kept while only their lines change
let folded = new Set();

/** Have a card for each metric of `list` that the search finds, and each one's lines drawn anew. */
function showCharts(list, shown) {
  const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
  const names = seriesNames(list).filter(([, metric]) => words.every((word) => metric.toLowerCase().includes(word)));
  const key = JSON.stringify(names);
  drawnRuns = shown;
  if (key !== built) buildCards(names, key);
  for (const card of cards) if (card.isNear) waiting.add(card);
  drawWaiting();
}

function buildCards(names, key) {
  built = key;
  for (const card of cards.splice(0)) {
    letGo(card);
    watcher.unobserve(card.node);
  }
  coming = sections(names).flatMap(([title, mine]) => mine.map(([axis, metric]) => ({ title, count: mine.length, axis, metric })));
  latest = null;
  fill($("charts"));
  addCards();
  drawInSight();
  if (!names.length) fill($("charts"), el("p.empty", {}, state.find ? "No metric's name has these words." : "No metric was logged."));
}

/* A thousand cards at once would hold the page up: as many are made as a frame has time for. */
let coming = []; // what is still to be made
let latest = null; // the section that they go into

function addCards(milliseconds = FRAME) {
  const until = performance.now() + milliseconds;
  while (coming.length) {
    addCard(coming.shift());
    if (performance.now() > until) break;
  }
  if (coming.length) addMore();
}
const addMore = eachFrame(() => addCards());

function addCard({ title, count, axis, metric }) {
  const card = makeCard(axis, metric);
  if (latest?.title !== title) latest = makeSection(title, count);
  latest.grid.append(card.node);
  cards.push(card);
  watcher.observe(card.node);
}

function makeSection(title, count) {
  const grid = el("div.grid");
  const details = el("details.section", { open: !folded.has(title) }, el("summary", {}, el("h3", {}, cut(title, 120)), el("span.count", {}, String(count))), grid);
  details.addEventListener("toggle", () => (details.open ? folded.delete(title) : folded.add(title)));
  $("charts").append(details);
  return { title, grid };
}

/** What the first look falls on is drawn with the page, and not some frames behind it. */
function drawInSight() {
  for (const card of cards) {
    const { top, height } = card.node.getBoundingClientRect();
    if (top > innerHeight) break;
    card.isNear = height > 0;
    if (card.isNear) waiting.add(card);
  }
  drawSome();
}

/** One chart as large as the window. */
function enlarge(card) {
  const large = makeCard(card.axis, card.metric);
  const dialog = $("large");
  large.node.querySelector(".expand").replaceWith(el("button.ghost", { "aria-label": "Close", click: () => dialog.close() }, "✕"));
  large.height = Math.max(260, Math.round(innerHeight * 0.72));
  fill(dialog, large.node);
  cards.push(large);
  large.isNear = true;
  dialog.showModal();
  drawCard(large);
  dialog.addEventListener("close", () => {
    letGo(large);
    cards.splice(cards.indexOf(large), 1);
    document.body.append(tooltip);
  }, { once: true });
}

/* Paper: every chart, in two columns, light. */
const PAPER = 330;
function drawAll() {
  for (const card of cards) drawCard(card);
}

let theme = "";
addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  document.documentElement.classList.add("paper");
  redraw({ isPaper: true });
  addCards(Infinity);
  for (const details of document.querySelectorAll("details.section")) details.open = true;
  $("table").style.zoom = Math.min(1, (2 * PAPER + 12) / $("table").scrollWidth);
  drawAll();
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = theme;
  document.documentElement.classList.remove("paper");
  $("table").style.zoom = "";
  redraw();
});

addEventListener("resize", () => {
  for (const card of cards) if (card.isNear) waiting.add(card);
  drawWaiting();
});
