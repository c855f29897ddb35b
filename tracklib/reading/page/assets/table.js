/* The runs, one a row. Rows are made as the reader comes to them. */

const CHUNK = 80;
let rows = []; // the runs that the filter leaves, in order
let made = 0;
const more = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && addRows(), { root: null, rootMargin: "300px" });

function showTable(list, { isPaper }) {
  rows = list;
  made = 0;
  const fields = columns().map(field);
  const widest = tops(fields);
  const table = $("table");
  table.make = (run, rank) => rowOfRun(run, rank, fields, widest);
  fill(table.tHead, headRow(fields));
  fill(table.tBodies[0]);
  addRows(isPaper ? Infinity : CHUNK);
  $("none").hidden = list.length > 0;
}

function addRows(count = CHUNK) {
  const table = $("table");
  const until = Math.min(rows.length, made + count);
  table.tBodies[0].append(...rows.slice(made, until).map((run, i) => table.make(run, made + i)));
  made = until;
  more.disconnect();
  if (made < rows.length && table.tBodies[0].lastElementChild) more.observe(table.tBodies[0].lastElementChild);
}

/** The best value of each column where it is known which way is better. */
function tops(fields) {
  return fields.map(({ mode, value }) => {
    if (!mode) return null;
    const values = rows.map(value).filter((one) => Number.isFinite(one));
    if (values.length < 2) return null;
    const top = values.reduce((a, b) => ((mode === "min" ? b < a : b > a) ? b : a));
    return values.filter((one) => one === top).length <= 3 ? top : null; // shared by many it says nothing
  });
}

function headRow(fields) {
  const by = sortedBy();
  return el("tr", {}, fields.map((one) => headOfColumn(one, by)));
}

function headOfColumn(one, by) {
  const isSorted = by === one.name || by === `-${one.name}`;
  const falls = by.startsWith("-");
  const sort = () => choose({ sort: isSorted ? (falls ? one.name : `-${one.name}`) : one.mode === "max" || one.name === "began" ? `-${one.name}` : one.name });
  const arrow = isSorted ? el("span.arrow", { "aria-hidden": "true" }, falls ? "↓" : "↑") : null;
  const button = el("button.plain", { click: sort, title: `Sort by ${cut(one.label, 200)}` }, el("span.over", {}, one.over || "\u00a0"), el("span.label", {}, cut(one.label, 40)), arrow);
  return el(one.isText ? "th.text" : "th", { scope: "col", "aria-sort": isSorted ? (falls ? "descending" : "ascending") : null }, button);
}

function rowOfRun(run, rank, fields, widest) {
  const row = el(isHidden(run) ? "tr.off" : "tr", { tabindex: rank === 0 ? "0" : "-1", "data-uid": run.uid });
  row.run = run;
  row.append(...fields.map((one, i) => cellOf(run, one, widest[i])));
  return row;
}

function cellOf(run, one, top) {
  if (one.name === "name") return nameCell(run);
  if (one.name === "status") return el("td.text", { title: run.error ? `${run.error}: ${cut(run.message, 500)}` : null }, statusOf(run));
  if (one.name === "epoch" && run.epochs) return el("td", {}, `${run.epoch ?? 0}/${run.epochs}`);
  const value = one.value(run);
  const text = value == null ? "" : one.show(value);
  const isBest = top != null && value === top;
  const isText = one.isText || typeof value === "string";
  const cell = el(`td${isText ? ".text" : ""}${isBest ? ".best" : ""}`, { title: text.length > 40 ? cut(text, 2000) : null }, cut(text, 40));
  if (isBest) cell.setAttribute("aria-label", `${text}, the best`);
  return cell;
}

function nameCell(run) {
  const eye = el("button.plain.eye", { title: "Show or hide (Space)", "aria-pressed": String(!isHidden(run)), "aria-label": `Show ${cut(run.name, 80)}`, tabindex: "-1", click: (event) => (event.stopPropagation(), toggleHidden(run)) }, swatch(run.colour));
  const open = el("a", { href: "#", tabindex: "-1", title: cut(run.name, 2000), click: (event) => (event.preventDefault(), choose({ run: run.uid, with: "" })) }, brief(run.name, 48));
  return el("td.text.name", {}, eye, open);
}

/** A key that was pressed in the table; whether it meant something. */
function keyInTable(event) {
  const row = event.target.closest?.("tr");
  if (!row?.run) return false;
  const to = { ArrowDown: row.nextElementSibling, j: row.nextElementSibling, ArrowUp: row.previousElementSibling, k: row.previousElementSibling }[event.key];
  if (to) focusRow(row, to);
  else if (event.key === "Enter") choose({ run: row.run.uid, with: "" });
  else if (event.key === " ") toggleAndStay(row.run);
  else return false;
  return true;
}

function focusRow(from, to) {
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

function toggleAndStay(run) {
  toggleHidden(run);
  requestAnimationFrame(() => {
    const row = [...$("table").tBodies[0].rows].find((one) => one.run === run);
    if (row) focusRow($("table").tBodies[0].rows[0], row);
  });
}

/** Which columns there are, in a dialog of checkboxes. */
function chooseColumns() {
  const chosen = new Set(columns());
  const list = el("div.choices");
  const search = el("input", { type: "search", placeholder: "find a column", "aria-label": "find a column", input: () => show() });
  const show = () => {
    const word = search.value.toLowerCase();
    const names = [...new Set([...columns(), ...allColumns()])].filter((name) => name.toLowerCase().includes(word));
    fill(list, names.slice(0, 300).map(choice), names.length > 300 ? el("p.empty", {}, `${names.length - 300} more: type a part of the name`) : null);
  };
  const choice = (name) => {
    const one = field(name);
    const box = el("input", { type: "checkbox", checked: chosen.has(name), change: () => toggle(name, box.checked) });
    return el("label", {}, box, el("span.over", {}, one.over), cut(one.label, 80));
  };
  const toggle = (name, isOn) => {
    if (isOn) chosen.add(name);
    else chosen.delete(name);
    choose({ cols: [...chosen].join("\t") });
  };
  const reset = el("button", { click: () => (choose({ cols: "" }), $("dialog").close()) }, "As at first");
  openDialog("Columns", search, list, el("footer", {}, reset));
  show();
}
