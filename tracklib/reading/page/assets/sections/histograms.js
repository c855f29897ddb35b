/* How values were distributed, as ridges from the first step above to the last below; each is as high as its own fullest bin. */

const RIDGE = { width: 300, left: 6, bottom: 16, step: 9, height: 26 };

section("histograms", (told, run) => el("section.panel", {}, el("h3", {}, "Histograms"), el("div.ridges", {}, told.map((one) => ridgesOf(one, run)))));

function ridgesOf({ name, axis, count, ridges }, run) {
  const drawn = ridges.filter(([, , , counts]) => counts.length);
  const left = count > ridges.length ? ` · ${ridges.length} of ${count} drawn` : "";
  const head = el("figcaption", { title: cut(name, 2000) }, el("b", {}, cut(name, 60)), el("span.dim", {}, ` ${axis} ${ridges[0][0]} to ${ridges[ridges.length - 1][0]}${left}`));
  if (!drawn.length) return el("figure", {}, head, el("p.empty", {}, "NaN and infinities only"));
  const [low, high] = [Math.min(...drawn.map((one) => one[1])), Math.max(...drawn.map((one) => one[2]))];
  const height = RIDGE.height + RIDGE.step * drawn.length + RIDGE.bottom;
  const place = (value) => RIDGE.left + ((value / 2 - low / 2) / (high / 2 - low / 2)) * (RIDGE.width - 2 * RIDGE.left);
  const label = (text, x, anchor) => svg("text", { x, y: height - 3, "text-anchor": anchor, class: "tick" }, text);
  return el("figure", {}, head, svg("svg", { viewBox: `0 0 ${RIDGE.width} ${height}`, role: "img", "aria-label": `${cut(name, 60)}: ${drawn.length} histograms` },
    drawn.map((one, row) => ridge(one, RIDGE.height + RIDGE.step * (row + 1), place, run, axis, (row + 1) / drawn.length)),
    label(number(low), RIDGE.left, "start"), label(number(high), RIDGE.width - RIDGE.left, "end")));
}

function ridge([step, low, high, counts, min, max, mean, std, odd], base, place, run, axis, age) {
  const most = Math.max(...counts);
  const edge = (i) => place(low * (1 - i / counts.length) + high * (i / counts.length)).toFixed(1);
  const tops = counts.flatMap((n, i) => [`${edge(i)},${(base - (n / most) * RIDGE.height).toFixed(1)}`, `${edge(i + 1)},${(base - (n / most) * RIDGE.height).toFixed(1)}`]);
  const told = `${axis} ${step}: ${number(mean)} ± ${number(std)}, ${number(min)} to ${number(max)}${odd ? `, ${odd} NaN or infinite` : ""}`;
  const shape = svg("polygon", { points: [`${edge(0)},${base}`, ...tops, `${edge(counts.length)},${base}`].join(" "), stroke: run.colour, fill: run.colour, "fill-opacity": (0.06 + 0.34 * age).toFixed(2), class: "ridge" }, svg("title", {}, told));
  return [svg("polygon", { points: shape.getAttribute("points"), class: "behind" }), shape];
}
