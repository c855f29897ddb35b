/* What differed from the commit. */

section("patch", (place) => {
  const text = textAt(place);
  const head = el("summary", {}, el("h3", {}, "Changes since the commit"), el("span.count", {}, many(text.split("\n").length, "line")));
  return el("details.panel.patch", {}, head, patchOf(text));
});

function patchOf(text) {
  const kind = (line) => (/^(\+\+\+|---|diff|index)/.test(line) ? "file" : line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "");
  return el("pre", {}, text.split("\n").map((line) => el(kind(line) ? `span.${kind(line)}` : "span", {}, `${line}\n`)));
}
