/* The model's checkpoints that a run keeps: the newest on top. */

section("checkpoints", (checkpoints) => {
  const names = [...new Set(checkpoints.flatMap((one) => Object.keys(one.metrics)))];
  const head = ["", "epoch", ...names, "size", ""].map((title) => el("th", { scope: "col" }, cut(title, 40)));
  return panel("Checkpoints", el("div.scroll", {}, el("table.plain", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, [...checkpoints].reverse().map((one) => checkpointRow(one, names))))));
});

function checkpointRow(one, names) {
  const name = one.href ? el("a", { href: one.href }, cut(one.name, 80)) : cut(one.name, 80);
  const values = names.map((each) => el("td", {}, each in one.metrics ? number(one.metrics[each]) : ""));
  return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, String(one.epoch)), values, el("td", {}, one.href ? bytes(one.size) : "it is no longer there"), el("td", {}, one.aliases.join(", ")));
}
