/* The files that a run left: pictures, tables and texts in the page, links to all. */

section("artifacts", (artifacts) => {
  const pictures = artifacts.filter((one) => one.picture);
  const tables = [...artifacts.filter((one) => one.table), ...artifacts.filter((one) => one.text != null && one.name !== "requirements.txt"), ...artifacts.filter((one) => one.name === "requirements.txt")];
  return el("section.panel", {}, el("h3", {}, "Artifacts"),
    el("ul.files", {}, artifacts.map(fileOf)),
    pictures.length ? el("div.pictures", {}, pictures.map((one) => el("figure", {}, el("img", { src: one.picture, alt: one.name, loading: "lazy" }), el("figcaption", {}, cut(one.name, 80))))) : null,
    artifacts.filter((one) => one.sound).map((one) => el("figure.sound", {}, el("audio", { src: one.sound, controls: true, preload: "metadata" }), el("figcaption", {}, cut(one.name, 80)))),
    tables.map((one) => el("details.inline", { open: Boolean(one.table) && tables[0] === one }, el("summary", {}, cut(one.name, 80)), one.table ? el("div.scroll", {}, tableOf(one.table)) : el("pre", {}, textAt(one.text)))));
});

function fileOf(one) {
  const name = one.href ? el("a", { href: one.href }, cut(one.name, 80)) : cut(one.name, 80);
  return el("li", {}, name, el("span.dim", {}, [bytes(one.size), one.sha256 ? `sha256 ${one.sha256.slice(0, 8)}` : "", one.note || ""].filter(Boolean).join(" · ")));
}

function tableOf([head, ...body]) {
  return el("table.plain", {}, el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cut(cell, 80))))), el("tbody", {}, body.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cut(cell, 200)))))));
}
