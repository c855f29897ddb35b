"""Conditions on runs and what they mean: one table, for Python and for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tracklib import tracking

RUNS: dict[str, dict[str, Any]] = {
    "a": {
        "params": {"lr": 0.1, "optimizer": "adam", "model": {"width": 64}, "amp": True, "layers": [1, 2], "note": "5"},
        "tags": {"stage": "ablation", "baseline": ""},
        "best": {"val/loss": "min"},
        "loss": [0.9, 0.2, 0.4],
    },
    "b": {
        "params": {"lr": 0.01, "optimizer": "AdamW", "model": {"width": 128}, "amp": False, "seed": 2**60},
        "tags": {"stage": "final run"},
        "loss": [0.8, 0.6, 0.3],
    },
    "c or d": {"params": {"lr": "auto", "my param": 1e-9, "and": 1}, "loss": [float("nan")]},
}

MEANING = {
    "lr < 0.05": "b",
    "lr >= 0.01": "a b",
    "lr = 0.1": "a",
    "lr == 1e-1": "a",
    "lr != 0.1": "b|c or d",
    "lr = auto": "c or d",
    "lr > a": "c or d",
    "val/loss < 0.3": "a",
    "last.val/loss < 0.3": "",
    "min.val/loss <= 0.3": "a b",
    "max.val/loss > 0.85": "a",
    "first.val/loss = 0.8": "b",
    "mean.val/loss > 0.55": "b",
    "count.val/loss = 3": "a b",
    "val/loss = nan": "c or d",
    "best.val/loss": "a",
    "optimizer = adam": "a",
    "optimizer ~ ADAM": "a b",
    "optimizer = 'AdamW'": "b",
    'optimizer = "AdamW"': "b",
    "not optimizer": "c or d",
    "optimizer != adam": "b",
    "model/width > 64 and lr = 0.01": "b",
    "model/width > 64 or lr = 0.1": "a b",
    "lr = 0.1 or lr = 0.01 and optimizer = adam": "a",
    "(lr = 0.1 or lr = 0.01) and optimizer = adam": "a",
    "not (lr = 0.1 or lr = 0.01)": "c or d",
    "NOT lr = 0.1 AND NOT lr = 0.01": "c or d",
    "not not lr = 0.1": "a",
    "amp": "a",
    "not amp": "b|c or d",
    "amp = true": "a",
    "amp = False": "b",
    "layers ~ '1, 2'": "a",
    "note = 5": "a",
    "note < 10": "a",
    "note = '5'": "a",
    "seed > 1e18": "b",
    "`my param` > 0": "c or d",
    "`my param` < 1e-8": "c or d",
    "`and` = 1": "c or d",
    "params.and = 1": "c or d",
    "baseline": "a",
    "baseline = true": "a",
    "stage = ablation": "a",
    "stage = 'final run'": "b",
    "tags.stage ~ final": "b",
    "params.stage": "",
    "name = 'c or d'": "c or d",
    "name ~ or": "c or d",
    "status = finished": "a|b|c or d",
    "took < 1h and age < 7d": "a|b|c or d",
    "took < 1": "a|b|c or d",
    "took < '1'": "a|b|c or d",
    "lr = \uff10.1": "",
    "attempts = 1": "a|b|c or d",
    "epoch = 2": "a b",
    "epoch > 1.5": "a b",
    "error": "",
    "nothing = 1": "",
    "toString or valueOf or hasOwnProperty or __proto__": "",
    "nothing != 1": "",
    "lr=0.1": "a",
    r"optimizer = 'a\dam'": "a",
}
"""Each condition, and the runs that meet it; parted by ``|`` where a name has spaces."""

WRONG = {
    "lr <": (4, "a value is wanted behind <"),
    "lr < 0.1 and": (12, "the name of a param, a metric or a tag is wanted here"),
    "lr < 0.1 optimizer = adam": (9, "'and' or 'or' is wanted here"),
    "(lr < 0.1": (0, "a ) is wanted here"),
    "(lr < 0.1 lr": (10, "a ) is wanted here"),
    "lr < 0.1)": (8, "'and' or 'or' is wanted here"),
    "and lr": (0, "a name is wanted before 'and'"),
    "`lr < 0.1": (0, "this ` has no second one"),
    "lr = 'adam": (5, "this ' has no second one"),
    "lr ! 3": (3, "'!' means nothing here"),
    "'lr' = 3": (0, "the name of a param, a metric or a tag is wanted here"),
    "took < 1h30m": (7, "a time is wanted here, as 30min, 2h or 7d"),
    "age > 2026-01-01": (6, "a time is wanted here, as 30min, 2h or 7d"),
    "age < '2h'": (6, "a time is wanted here, as 30min, 2h or 7d"),
    "took = true": (7, "a time is wanted here, as 30min, 2h or 7d"),
    "": (0, "the name of a param, a metric or a tag is wanted here"),
    "(" * 101 + "lr" + ")" * 101: (100, "it is nested more than 100 deep"),
}
"""Each text that is no condition, the place that is wrong, and what is said of it."""


class Meant(NamedTuple):
    """One line of the table."""

    condition: str
    names: set[str]


def meanings() -> list[Meant]:
    """The table, with the runs' names apart."""
    return [
        Meant(text, set(names.split("|") if "|" in names or " or " in names else names.split()))
        for text, names in MEANING.items()
    ]


def make_runs(root: Path) -> None:
    """The runs that the table is about, in ``root``."""
    for name, told in RUNS.items():
        folder = root / name.replace(" ", "-")
        with tracking(
            output_run=folder, name=name, params=told["params"], tags=told.get("tags"), best=told.get("best")
        ) as t:
            for epoch, loss in enumerate(told["loss"]):
                t.log(epoch, {"val/loss": loss})
