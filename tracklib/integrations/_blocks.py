"""An adapter that can be put around its fit as a block, for frameworks that do not tell of a fit's end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from .held import Held


class AsBlock:
    """``with`` the adapter, a fit begins; what leaves the block is what ended it."""

    _held: Held

    def __enter__(self) -> Self:
        self._held.fit_begins()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.fit_ends(error)
