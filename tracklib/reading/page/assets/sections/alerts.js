/* What was told to whom, the newest first. */

section("alerts", (alerts) => panel("Alerts", el("div.scroll", {}, el("table.plain.attempts", {}, el("tbody", {}, alerts.slice().reverse().map(alertRow)))), "wide"), "facts");

function alertRow(one) {
  const how = one.how === "sent" ? `to ${one.to}` : `${one.how}: ${one.to}`;
  return el("tr", { title: cut(one.why ? `${one.text} (${one.why})` : one.text, 500) }, el("th", { scope: "row" }, one.event), el("td", {}, moment(one.time)), el("td", {}, cut(one.text, 90)), el("td.dim", {}, cut(how, 60)));
}
