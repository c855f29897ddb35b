/* What the reader has chosen, kept in the URL's hash: a link, a reload and the back button all bring it back. */

const DEFAULTS = {
  q: "", sort: "", x: "step", smooth: 0, log: false, tame: false, group: "", find: "", zoom: "", cols: "", hide: "",
  run: "", with: "", theme: "", view: "", a: "", b: "",
};
const CHOICES = { x: ["step", "time", "clock", "share"], view: ["", "parallel", "scatter"], theme: ["", "light", "dark"] };
const state = { ...DEFAULTS };
const SEEN = new Set(["run", "with"]); // these are places: the back button leaves them

function readHash() {
  Object.assign(state, DEFAULTS);
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (!Object.hasOwn(DEFAULTS, name) || (Object.hasOwn(CHOICES, name) && !CHOICES[name].includes(text))) continue;
    const kind = typeof DEFAULTS[name];
    state[name] = kind === "number" ? Math.min(0.999, Math.max(0, Number(text) || 0)) : kind === "boolean" ? text === "1" : text;
  }
}

function writeHash(isPlace) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== DEFAULTS[name]) said.set(name, value === true ? "1" : String(value));
  }
  const hash = `#${said}`;
  if (hash === (location.hash || "#")) return;
  history[isPlace ? "pushState" : "replaceState"](null, "", hash);
}

/** Choose something, and have everything that depends on it drawn anew. */
function choose(changes) {
  const isPlace = Object.keys(changes).some((name) => SEEN.has(name) && state[name] !== changes[name]);
  Object.assign(state, changes);
  writeHash(isPlace);
  redraw();
}

/* Hidden runs are kept as uids' beginnings, or all others are hidden: "!a,b" shows these only. */
function isHidden(run) {
  const only = state.hide.startsWith("!");
  const listed = state.hide && (only ? state.hide.slice(1) : state.hide).split(",").includes(run.uid.slice(0, 12));
  return Boolean(state.hide) && (only ? !listed : listed);
}

function toggleHidden(run) {
  const hidden = runs.filter((other) => (other === run ? !isHidden(run) : isHidden(other)));
  const uids = (list) => list.map((one) => one.uid.slice(0, 12)).join(",");
  const left = runs.filter((one) => !hidden.includes(one));
  choose({ hide: hidden.length === 0 ? "" : left.length < hidden.length ? `!${uids(left)}` : uids(hidden) });
}
