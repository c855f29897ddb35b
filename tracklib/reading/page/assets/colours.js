/* Which run has which colour. Up to twelve have one each; of more, ten are strong, by their rank, the rest are grey:
   five hundred hues would say nothing. */

const PALETTE = {
  light: ["#3366cc", "#e0662b", "#1f9e6f", "#c4314b", "#8457c9", "#0e97ad", "#b8860b", "#d6579c", "#6b8e23", "#8a5a44", "#52657a", "#a02fb0"],
  dark: ["#6ea0ff", "#ff9156", "#45c793", "#ff6b81", "#b394f5", "#3fc6db", "#e3b341", "#f58ac4", "#a3c64f", "#c99a80", "#9db0c5", "#dd7bea"],
};
const RAMP = {
  light: ["#4c1d95", "#4338ca", "#2563eb", "#0284c7", "#0d9488", "#16a34a", "#65a30d", "#ca8a04", "#ea7317", "#dc4a26"],
  dark: ["#c4b5fd", "#a5b4fc", "#7eb0ff", "#5cc8f5", "#45d3c0", "#5fdd8a", "#a9dd52", "#efc83f", "#ff9f55", "#ff7a5c"],
};
const STRONG = 10;
const isDark = () => document.documentElement.dataset.theme === "dark";
const palette = (index) => PALETTE[isDark() ? "dark" : "light"][index % 12];

/** Give each of `shown`, in the table's order, its colour; `run.isStrong` is false for those drawn grey. */
function paintRuns(shown) {
  const ramp = RAMP[isDark() ? "dark" : "light"];
  const grey = colour("--faint");
  for (const run of runs) Object.assign(run, { colour: grey, isStrong: false });
  shown.forEach((run, rank) => {
    run.isStrong = shown.length <= 12 || rank < STRONG;
    if (runs.length <= 12) run.colour = palette(run.index);
    else if (shown.length <= 12) run.colour = palette(rank);
    else if (rank < STRONG) run.colour = ramp[rank];
  });
}
