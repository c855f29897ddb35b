/* The end of what the run printed. */

section("console", ({ lines, all }) => {
  const text = el("pre.console", { tabindex: 0 }, lines.join("\n"));
  requestAnimationFrame(() => { text.scrollTop = text.scrollHeight; });
  return el("section.panel", {}, el("h3", {}, "Console", el("span.count", {}, all > lines.length ? ` the last ${lines.length} of ${many(all, "line")}` : ` ${many(all, "line")}`)), text);
});
