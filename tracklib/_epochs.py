"""The epochs of a run: counted, shown in a progress bar, and gone on with after a kill."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class EpochBar:
    """A tqdm bar over epochs: in a terminal or a notebook, and nowhere else.

    Args:
        name: what stands before the bar.
        first: how many epochs were finished before.
        count: of how many.
        silent: show nothing at all.
    """

    def __init__(self, name: str, first: int, count: int, silent: bool = False) -> None:
        from tqdm.auto import tqdm

        hidden = silent or not (_is_notebook(tqdm) or _is_terminal())
        self._bar = tqdm(total=count, initial=first, desc=name, unit="epoch", disable=hidden, dynamic_ncols=True)
        self._newest: dict[str, float] = {}

    def show(self, metrics: Mapping[str, float]) -> None:
        """Show the newest value of each metric, behind the bar."""
        if not self._bar.disable:
            self._newest |= metrics
            self._bar.set_postfix({name: f"{value:.4g}" for name, value in self._newest.items()}, refresh=False)

    def advance(self) -> None:
        """One more epoch is finished."""
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _is_terminal() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())


def _is_notebook(bar: Any) -> bool:
    return any("notebook" in kind.__module__ for kind in bar.__mro__)


def epochs(
    first: int, count: int, bar: EpochBar, begin: Callable[[int | None], None], finish: Callable[[int], None]
) -> Iterator[int]:
    """Yield the epochs from ``first`` up to ``count``; each is told when it begins, and when it was finished."""
    try:
        for epoch in range(first, count):
            begin(epoch)
            yield epoch
            finish(epoch)
            bar.advance()
    finally:
        begin(None)
        bar.close()
