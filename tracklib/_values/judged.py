"""How good predictions are, from two arrays: what was confused with what, and precision at each recall."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_MOST_LABELS = 500
_MOST_POINTS = 1000


class Confusion(NamedTuple):
    """``counts[i][j]`` of what is ``labels[i]`` were said to be ``labels[j]``."""

    labels: list[str]
    counts: list[list[int]]

    def rows(self) -> list[dict[str, Any]]:
        """As a table: a row for what is, a column for what was said."""
        return [
            {"is": label, **{f"said {said}": number for said, number in zip(self.labels, row, strict=True)}}
            for label, row in zip(self.labels, self.counts, strict=True)
        ]


class PrecisionRecall(NamedTuple):
    """``points`` are thresholds with the precision and the recall of what is scored as high or higher; ``average`` is
    the precision, averaged over the recall."""

    points: list[tuple[float, float, float]]
    average: float

    def rows(self) -> list[dict[str, Any]]:
        """As a table."""
        return [dict(zip(("threshold", "precision", "recall"), point, strict=True)) for point in self.points]


def confusion(truth: Any, predictions: Any, labels: Any = None) -> Confusion:
    """Count what was said of what is.

    Args:
        truth: what is: an array, tensor or list of labels (texts, whole numbers, booleans).
        predictions: what was said, as long.
        labels: in which order they stand, or what the numbers 0, 1 ... are called; None sorts them.

    Raises:
        TypeError: one is no list of labels.
        ValueError: they are not as long, are empty, have too many labels, or one that is not among ``labels``.
    """
    true, said = _pair(truth, predictions)
    counted = Counter(zip(map(_label, true), map(_label, said), strict=True))
    there = list(dict.fromkeys(itertools.chain.from_iterable(counted)))
    names = sorted(there, key=_order) if labels is None else list(map(_label, _listed(labels, "labels")))
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise ValueError(f"labels must differ; {twice[0]!r} is there more than once")
    numbers = {each: each for each in names}
    if labels is not None and not set(there) <= set(names) and all(each.isdecimal() for each in there):
        numbers = {str(index): name for index, name in enumerate(names)}  # classes by number
    if unknown := [each for each in there if each not in numbers]:
        raise ValueError(f"{unknown[0]!r} is none of the labels {', '.join(names[:10])}")
    if len(names) > _MOST_LABELS:
        raise ValueError(f"a confusion matrix may have {_MOST_LABELS} labels; there are {len(names)}")
    by_name = {(numbers[a], numbers[b]): number for (a, b), number in counted.items()}
    return Confusion(names, [[by_name.get((a, b), 0) for b in names] for a in names])


def precision_recall(truth: Any, scores: Any) -> PrecisionRecall:
    """Precision and recall at each score, those of equal scores together. Of very many points, every so many is kept,
    with the last.

    Args:
        truth: whether each is positive: booleans, or 0 and 1.
        scores: how sure the model is of that, as long.

    Raises:
        TypeError: one is no list of numbers.
        ValueError: they are not as long, or empty; there is another truth, no positive one, or a score that is NaN.
    """
    true, said = _pair(truth, scores)
    try:
        ranked = sorted(
            ((_score(score), _positive(each)) for each, score in zip(true, said, strict=True)), reverse=True
        )
    except (TypeError, OverflowError):
        raise TypeError("scores must be numbers: how sure the model is that each is positive") from None
    positives = sum(positive for _, positive in ranked)
    if not positives or any(math.isnan(score) for score, _ in ranked):
        raise ValueError("scores must be no NaN" if positives else "truth has no positive one, so there is no recall")
    points: list[tuple[float, float, float]] = []
    hits = taken = 0
    average = 0.0
    for score, group in itertools.groupby(ranked, key=lambda each: each[0]):
        found = [positive for _, positive in group]
        hits, taken, before = hits + sum(found), taken + len(found), hits
        points.append((score, hits / taken, hits / positives))
        average += (hits - before) / positives * hits / taken
    step = max(1, math.ceil(len(points) / _MOST_POINTS))
    kept = points[::step] if (len(points) - 1) % step == 0 else [*points[::step], points[-1]]
    return PrecisionRecall(kept, average)


def _pair(first: Any, second: Any) -> tuple[list[Any], list[Any]]:
    a, b = _listed(first, "truth"), _listed(second, "the second array")
    if len(a) != len(b):
        raise ValueError(f"both arrays must be as long; they have {len(a)} and {len(b)}")
    if not a:
        raise ValueError("both arrays are empty")
    return a, b


def _listed(values: Any, what: str) -> list[Any]:
    """The items of an array or tensor of one dimension, or of a list."""
    if isinstance(values, str | bytes) or not (hasattr(values, "tolist") or isinstance(values, Iterable)):
        raise TypeError(f"{what} must be an array or a list; got {type(values).__name__}")
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    found = [item.item() if hasattr(item, "item") else item for item in found] if isinstance(found, list) else [found]
    if any(isinstance(item, Sequence) and not isinstance(item, str) for item in found):
        raise TypeError(f"{what} must have one dimension: of probabilities for each class, give the argmax")
    return found


def _label(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _order(label: str) -> tuple[bool, int, str]:
    return not label.isdecimal(), int(label) if label.isdecimal() and len(label) < 18 else 0, label


def _score(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def _positive(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError(f"truth must be booleans, or 0 and 1; it has {value!r}")
    return bool(value)
