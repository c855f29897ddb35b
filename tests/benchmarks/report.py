"""What was found, for the eye and for programs: a table, a JSON file, a CSV file, and a picture."""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from goals import Row
from measure import Spread

PACKAGES = "wrapt msgspec numpy wandb mlflow lightning accelerate trackio dvclive sacred clu".split()


HEAD = ("work", "ratio", "median", "min", "max", "goal", "")


def table(rows: Sequence[Row]) -> str:
    """All ratios with least and greatest, each beside its goal."""
    lines = [HEAD, *_cells(rows)]
    widths = [min(max(len(line[column]) for line in lines), 76) for column in range(7)]
    return "\n".join(
        "  ".join(cell[:76].ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    lines = []
    for row in (row for row in rows if row.shown):
        found = (row.found, "", "") if isinstance(row.found, str) else tuple(map(_short, row.found))
        lines.append((row.work, row.what, *found, str(row.goal or ""), row.verdict))
    return lines


def write(rows: Sequence[Row], runs: list[dict[str, Any]], folder: Path) -> None:
    """Write ``performance.json``, the table as ``performance.csv``, and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"runs": runs, "rows": [row.as_json() for row in rows]}
    (folder / "performance.json").write_text(json.dumps(told, indent=1) + "\n")
    with (folder / "performance.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *_cells(rows)])
    drawn = {row.group.split(",")[0].split(" ")[0] for row in rows if isinstance(row.found, Spread)}
    if "peer" not in drawn:
        print("no picture: it needs the work peers", file=sys.stderr)
        return
    try:
        draw(rows, folder)
    except ModuleNotFoundError as error:
        print(f"no picture: {error.name} is not installed", file=sys.stderr)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def about(settings: dict[str, Any]) -> dict[str, Any]:
    """What was asked for and where, for the JSON file."""
    return {
        "settings": settings,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


BARS = {  # the peer's name in the table, and in the picture
    "csv.writer and a flush": "csv.writer, flushed",
    "sacred's file observer": "Sacred, to files",
    "trackio": "Trackio",
    "Lightning's CSVLogger, each step": "Lightning's CSVLogger",
    "wandb.run.log, offline": "wandb, offline",
    "DVCLive": "DVCLive",
    "mlflow.log_metrics, SQLite": "MLflow, SQLite",
    "mlflow.log_metrics, server": "MLflow, server",
}


def draw(rows: Sequence[Row], folder: Path) -> None:
    """The picture of the docs, on a light page and on a dark one: what a call costs, ours and others'."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "tracklib", "svg.fonttype": "none", "font.size": 12})
    from matplotlib import pyplot

    costs = {row.group.removeprefix("peer "): row.found for row in rows if row.group.startswith("peer ")}
    bars = [(label, found.median) for name, label in BARS.items() if isinstance(found := costs.get(name), Spread)]
    for name, ink in ("performance.svg", "#222222"), ("performance-dark.svg", "#dddddd"):
        figure, axes = pyplot.subplots(figsize=(6.2, 3.8), layout="constrained")
        _draw_bars(axes, [("tracklib", 1.0), *bars], ink)
        figure.savefig(folder / name, metadata={"Date": None}, transparent=True)
        pyplot.close(figure)


def _draw_bars(axes: Any, bars: Sequence[tuple[str, float]], ink: str) -> None:
    labels, costs = [label for label, _ in bars], [cost for _, cost in bars]
    colours = ["#2f7fd0", *["#8a97a6"] * (len(bars) - 1)]
    drawn = axes.barh(labels, [cost - 0.1 for cost in costs], left=0.1, color=colours)
    axes.bar_label(drawn, [_short(cost) for cost in costs], padding=5, color=ink)
    axes.set(xscale="log", xlim=(0.1, 20_000), xticks=[])
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.tick_params(axis="y", colors=ink, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
