/* One run's page is made of sections, one for each kind of thing that a run tells of: `sections.py` says how to add one. */

const PLACES = { facts: [], below: [] };

/** Have `show(told, run, other)` make what stands in a section; it is asked for runs that have it. */
function section(name, show, place = "below") {
  PLACES[place].push({ name, show });
}

const sectionsIn = (place, run, other) => PLACES[place].filter(({ name }) => name in run.sections).map(({ name, show }) => show(run.sections[name], run, other));

const panel = (title, content, kind) => (content ? el(`section.panel${kind ? `.${kind}` : ""}`, {}, el("h3", {}, title), content) : null);
