/* What was noted: a list, and a marker on each chart where it was said. */

section("notes", (notes) => panel("Notes", el("ol.notes", {}, notes.map((note) => el("li", {}, el("span.dim", {}, [moment(note.at), note.step == null ? "" : `${note.axis} ${note.step}`].filter(Boolean).join(" · ")), " ", cut(note.text, 2000))))));

const MARKED = 4; // runs: the markers of more would hide the lines
const SPELLED = 3; // notes: of more, the number in the list

painters.push((plot, chart) => {
  const marked = chart.lines.filter((line) => line.run?.sections.notes && line.isStrong);
  if (marked.length > MARKED) return;
  for (const line of marked) line.run.sections.notes.forEach((note, i) => paintNote(plot, chart, line, note, i));
});

function paintNote(plot, { axis, metric }, line, note, i) {
  const x = xOfNote(line, note, axis, metric);
  const { min, max } = plot.scales.x;
  if (!(x >= min && x <= max)) return;
  const { ctx, bbox } = plot;
  const left = Math.round(plot.valToPos(x, "x", true));
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--dim");
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  const isRight = left > bbox.left + bbox.width / 2;
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = isRight ? "right" : "left";
  ctx.fillText(line.run.sections.notes.length > SPELLED ? String(i + 1) : cut(note.text, 28), left + (isRight ? -4 : 4) * ratio, bbox.top + 9 * ratio);
  ctx.restore();
}

/** Where a note stands: at its step where the chart is by that, else where its moment is. */
function xOfNote(line, note, axis, metric) {
  if (state.x === "time") return note.time;
  if (state.x === "clock") return line.run.began / 1000 + note.time;
  const series = line.run.series.get(`${axis}\n${metric}`);
  const hasStep = note.step != null && note.axis === axis;
  const place = hasStep ? nearest(series.x, note.step) : nearest(series.time, note.time);
  return state.x === "step" && hasStep ? note.step : line.x[place];
}
