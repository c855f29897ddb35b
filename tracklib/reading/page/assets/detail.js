/* A zoom in full detail, where the page comes from a server: what lies there is asked for once. */

let detail = { zoom: "", of: new Map() };
let askedFor = "";
const MARGIN = 0.1; // of the zoom on either side, so that lines reach the chart's edges

/** A run's series as it is to be drawn now. */
function seriesOf(run, key) {
  const closer = state.zoom && state.zoom === detail.zoom && detail.of.get(run.uid)?.get(key);
  return closer || run.series.get(key);
}

async function lookCloser() {
  const [key, low, high] = state.zoom.split("\t");
  if (!page.mark || !state.zoom || askedFor === state.zoom) return;
  askedFor = state.zoom;
  const margin = MARGIN * (high - low);
  const [by] = key.split(":", 1);
  const asked = { by, axis: key.slice(by.length + 1), from: low - margin, to: Number(high) + margin };
  const told = await answerTo(`points?${new URLSearchParams(asked)}`);
  if (!told || askedFor !== state.zoom) return;
  const array = unpacker(told.arrays);
  detail = { zoom: askedFor, of: new Map(Object.entries(told.runs).map(([uid, rows]) => [uid, closer(uid, seriesFrom(rows, array))])) };
  redraw();
}

/** A part of a series has its share of the run by all of it. */
function closer(uid, parts) {
  for (const [key, part] of parts) part.whole = byUid.get(uid)?.series.get(key);
  return parts;
}

/** None where the server has ended: what is shown stays. */
async function answerTo(question) {
  try {
    const answer = await fetch(`${location.pathname}${question}`, { cache: "no-store" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
