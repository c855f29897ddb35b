/* What `tracklib.reading.report` wrote into the page.

   page.runs[i].series holds rows [axis, metric, x, time, mean, low, high, records]: five places in `page.arrays`
   (-1: there is no band), and how many records each point stands for. An array is base64 of little-endian floats
   behind "f4:" or "f8:", or "r:first:step:count", with ":head:tail" where these stand around. They are decoded when a chart needs them. */

const page = JSON.parse($("data").textContent);
const runs = page.runs;

function unpacker(arrays) {
  const decoded = new Map();
  return (place) => {
    if (place < 0) return null;
    if (!decoded.has(place)) decoded.set(place, decode(arrays[place]));
    return decoded.get(place);
  };
}
const array = unpacker(page.arrays);

function decode(text) {
  if (text.startsWith("r:")) {
    const [first, step, count, ...around] = text.slice(2).split(":").map(Number);
    const even = Array.from({ length: count }, (_, i) => first + step * i);
    return Float64Array.from(around.length ? [around[0], ...even, around[1]] : even);
  }
  const binary = atob(text.slice(3));
  const content = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) content[i] = binary.charCodeAt(i);
  return text.startsWith("f8") ? new Float64Array(content.buffer) : new Float32Array(content.buffer);
}

/* JSON has no NaN and no infinities: they come as texts. */
const real = (value) => (typeof value === "string" ? { nan: NaN, inf: Infinity, "-inf": -Infinity }[value] : value);

/** One metric of a run; what a chart does not ask for is never decoded. */
class Series {
  constructor(row, array) {
    this.row = row;
    this.array = array;
  }
  get axis() { return this.row[0]; }
  get metric() { return this.row[1]; }
  get x() { return this.array(this.row[2]); }
  get time() { return this.array(this.row[3]); }
  get mean() { return this.array(this.row[4]); }
  get low() { return this.array(this.row[5]); }
  get high() { return this.array(this.row[6]); }
  get records() { return this.row[7]; }
}

const seriesFrom = (rows, array) => new Map(rows.map((row) => [`${row[0]}\n${row[1]}`, new Series(row, array)]));

runs.forEach((run, index) => {
  run.index = index;
  for (const name of ["params", "tags", "best", "metrics"]) run[name] = new Map(Object.entries(run[name] || {}));
  run.facts = Object.assign(Object.create(null), run.facts); // whatever a tag is called, no object's own word is one
  for (const [name, best] of run.best) run.best.set(name, { ...best, value: real(best.value) });
  for (const [name, row] of run.metrics) {
    const [axis, n, last, lastStep, min, minStep, max, maxStep, mean, first] = row;
    const measured = { last: real(last), min: real(min), max: real(max), mean: real(mean), first: real(first) };
    run.metrics.set(name, { axis, n, lastStep, minStep, maxStep, ...measured });
  }
  run.series = seriesFrom(run.series || [], array);
});

/** A text that several runs share is in the page once. */
const textAt = (place) => (place == null ? "" : page.texts[place]);

const byUid = new Map(runs.map((run) => [run.uid, run]));

/** The names of all runs' params (metrics, tags ...), each once, in the order of their first appearance. */
const namesOf = (part) => [...new Set(runs.flatMap((run) => [...run[part].keys()]))];

const differing = namesOf("params").filter((name) => {
  const first = JSON.stringify(runs[0].params.get(name));
  return runs.some((run) => JSON.stringify(run.params.get(name)) !== first);
});

/** Which way a metric is better: as the run said, else by its name where that is plain, else unknown. */
const directions = new Map();
function direction(metric) {
  if (!directions.has(metric)) {
    const said = runs.find((run) => run.best.has(metric));
    const plain = /loss|err|perplex|nll|mse|mae|wer|cer|fid|regret/i.test(metric) ? "min"
      : /acc|auc|f1|precision|recall|score|bleu|rouge|iou|map\b|r2|reward|return/i.test(metric) ? "max" : "";
    directions.set(metric, said ? said.best.get(metric).mode : plain);
  }
  return directions.get(metric);
}
