/* A run's value by a name, as `where`, the table's columns and the axes of the pictures say it. */

const OWN = {
  status: (run) => run.status,
  name: (run) => run.name,
  uid: (run) => run.uid,
  age: (run) => (run.age == null ? null : run.age + (run.status.startsWith("running") ? 0 : (Date.now() - page.made) / 1000)),
  took: (run) => run.took,
  epoch: (run) => run.epoch,
  attempts: (run) => run.attempts,
  host: (run) => run.facts.host || run.host || null,
  git: (run) => run.facts["git.commit"] || null,
  error: (run) => run.error || null,
  directory: (run) => run.path,
};
const GROUPS = {
  params: (run, name) => run.params.get(name),
  tags: (run, name) => run.tags.get(name) ?? run.facts[name],
  best: (run, name) => run.best.get(name)?.value,
  first: (run, name) => run.metrics.get(name)?.first,
  last: (run, name) => run.metrics.get(name)?.last,
  min: (run, name) => run.metrics.get(name)?.min,
  max: (run, name) => run.metrics.get(name)?.max,
  mean: (run, name) => run.metrics.get(name)?.mean,
  count: (run, name) => run.metrics.get(name)?.n,
};
const getters = new Map();

/** How a run's value is had, as `tracklib.reading.names.value_of` has it; null where the run has no such thing. */
function getter(name) {
  if (!getters.has(name)) getters.set(name, makeGetter(name));
  return getters.get(name);
}

function makeGetter(name) {
  const dot = name.indexOf(".");
  const group = dot > 0 && Object.hasOwn(GROUPS, name.slice(0, dot)) ? GROUPS[name.slice(0, dot)] : () => null;
  const inner = name.slice(dot + 1);
  const plain = Object.hasOwn(OWN, name) ? OWN[name] : (run) => GROUPS.params(run, name) ?? GROUPS.best(run, name) ?? GROUPS.last(run, name) ?? bare(GROUPS.tags(run, name));
  return (run) => group(run, inner) ?? plain(run) ?? null;
}

const bare = (tag) => (tag === "" ? true : tag);

const TEXTS = ["name", "status", "host", "git", "uid", "error", "directory"];
const SHOWN = { tags: (text) => shown(text) || "yes", best: measured, last: measured, min: measured, max: measured, mean: measured };

/** What stands over a column, and how its values are shown. */
function field(name) {
  const dot = name.indexOf(".");
  const part = Object.hasOwn(GROUPS, name.slice(0, dot)) ? name.slice(0, dot) : "";
  const label = part ? name.slice(dot + 1) : name;
  const show = { __proto__: null, took: duration, age: duration, began: moment, git: (text) => cut(text, 9) }[name] || SHOWN[part] || shown;
  const mode = { best: direction(label), last: direction(label), min: "min", max: "max" }[part] || "";
  const over = { params: "param", tags: "tag", last: "last", min: "min", max: "max" }[part] || (part === "best" ? (mode ? `best (${mode})` : "best") : "");
  return { name, part, label, over, mode, show, value: name === "began" ? (run) => run.began : getter(name), isText: TEXTS.includes(name) || part === "tags" || (part === "params" && runs.some((run) => typeof run.params.get(label) === "string")) };
}

/* Numbers before texts, texts by their letters: as Python sorts them. */
function compared(a, b) {
  if ((typeof a === "string") !== (typeof b === "string")) return typeof a === "string" ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorted by a name, "-" before it for the greatest first; what has no value is last either way. */
function sorted(list, by) {
  const falls = by.startsWith("-");
  const { value } = field(falls ? by.slice(1) : by);
  const isEmpty = (found) => found == null || Number.isNaN(found);
  return [...list].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y) || a.index - b.index;
    return (falls ? -compared(x, y) : compared(x, y)) || a.index - b.index;
  });
}

const bestMetrics = namesOf("best");
const metricNames = namesOf("metrics");
const metricColumns = () => {
  const told = bestMetrics.map((name) => `best.${name}`);
  const wanted = metricNames.filter((name) => !bestMetrics.includes(name) && !name.startsWith("system/"));
  const plain = wanted.filter((name) => direction(name)).concat(wanted.filter((name) => !direction(name)));
  return told.concat(plain.slice(0, Math.max(0, 4 - told.length)).map((name) => `last.${name}`));
};

function defaultColumns() {
  const fixed = ["name", "status", "took", "epoch"].filter((name) => runs.some((run) => getter(name)(run) != null));
  const params = differing.slice(0, 8).map((name) => `params.${name}`);
  const tags = namesOf("tags").slice(0, 3).map((name) => `tags.${name}`);
  return [...fixed, ...metricColumns(), ...params, ...tags, "began"];
}

function allColumns() {
  const measured = metricNames.flatMap((name) => [`last.${name}`, `min.${name}`, `max.${name}`]);
  const parts = (part) => namesOf(part).map((name) => `${part}.${name}`);
  return [...Object.keys(OWN), "began", ...parts("best"), ...parts("params"), ...parts("tags"), ...measured];
}

const columns = () => (state.cols ? state.cols.split("\t") : defaultColumns());

/** The order that says most: by what the runs were asked to be good at, the newest first else. */
function defaultSort() {
  const metric = metricColumns().find((name) => field(name).mode);
  return metric && runs.length > 1 ? (field(metric).mode === "max" ? "-" : "") + metric : "-began";
}
const sortedBy = () => state.sort || defaultSort();
