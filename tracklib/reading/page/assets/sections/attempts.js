/* How each attempt began and ended. */

section("attempts", (attempts) => panel("Attempts", attemptsOf(attempts)), "facts");

function attemptsOf(attempts) {
  const row = (one) => el("tr", {}, el("th", { scope: "row" }, String(one.number)), el("td", {}, el(`span.status.${one.status.replace(/\W/g, "")}`, {}, one.status)), el("td", {}, moment(one.began)), el("td", {}, one.host), el("td", { title: cut(one.message || "", 500) }, one.error || ""));
  return el("table.plain.attempts", {}, el("tbody", {}, attempts.map(row)));
}
