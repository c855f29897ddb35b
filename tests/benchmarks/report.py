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
    """Write ``performance.json``, the table as ``performance.csv``, and the picture ``performance.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"runs": runs, "rows": [row.as_json() for row in rows]}
    (folder / "performance.json").write_text(json.dumps(told, indent=1) + "\n")
    with (folder / "performance.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *_cells(rows)])
    drawn = {row.group.split(",")[0].split(" ")[0] for row in rows if isinstance(row.found, Spread)}
    if not {"peer", "length", "trackers", "names"} <= drawn:
        print("no picture: it needs the works peers, long and dearer", file=sys.stderr)
        return
    try:
        _draw(rows, folder / "performance.svg")
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


def _draw(rows: Sequence[Row], path: Path) -> None:
    """The picture of the docs: the peers, and how a call's cost grows."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "tracklib", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, ((peers, length), (trackers, names)) = pyplot.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
    _draw_peers(peers, rows)
    _draw_lines(length, rows, ["length"], "calls so far", "run length: median call / first 1 %")
    _draw_lines(trackers, rows, ["trackers, p50", "trackers, p99"], "CSV files attached", "trackers: call / with one")
    _draw_lines(names, rows, ["names"], "names in a call", "names: median call / of ten", logarithmic=True)
    figure.savefig(path, metadata={"Date": None})


def _draw_peers(axes: Any, rows: Sequence[Row]) -> None:
    peers = [(row.group.removeprefix("peer "), row.found) for row in rows if row.group.startswith("peer ")]
    known = sorted(
        ((name, found) for name, found in peers if isinstance(found, Spread)), key=lambda pair: pair[1].median
    )
    names, medians = [name for name, _ in known], [found.median for _, found in known]
    ranges = [[found.median - found.low for _, found in known], [found.high - found.median for _, found in known]]
    axes.barh(names, medians, xerr=ranges, color="#4477aa", ecolor="#888888")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set(xscale="log", title="ten floats: the peer's median call / t.log")


def _draw_lines(
    axes: Any, rows: Sequence[Row], groups: list[str], label: str, title: str, logarithmic: bool = False
) -> None:
    if logarithmic:
        axes.set(xscale="log", yscale="log")
    for group in groups:
        points = [(row.at, row.found) for row in rows if row.group == group and isinstance(row.found, Spread)]
        at = [here for here, _ in points]
        axes.plot(at, [found.median for _, found in points], marker="o", label=group)
        axes.fill_between(at, [found.low for _, found in points], [found.high for _, found in points], alpha=0.2)
    axes.set(xlabel=label, title=title)
    if not logarithmic:
        axes.set_ylim(bottom=0)
    if len(groups) > 1:
        axes.legend()
