"""What is drawn on the terminal's last line gives way while something is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from forked import in_child

from tracklib._common import last_line
from tracklib._common.last_line import cleared, giving_way, is_drawn, is_gone


class Line:
    def __init__(self, is_there: bool) -> None:
        self.is_there = is_there
        self.asked: list[str] = []

    def give_way(self) -> bool:
        self.asked.append("give way")
        return self.is_there

    def come_back(self) -> None:
        self.asked.append("come back")


def test_each_line_that_is_there_gives_way_and_comes_back() -> None:
    there, gone = Line(True), Line(False)
    with giving_way(there), giving_way(gone):
        with cleared():
            assert there.asked == gone.asked == ["give way"]
        assert (there.asked, gone.asked) == (["give way", "come back"], ["give way"])
    with cleared():
        pass
    assert len(there.asked) == 2


def test_a_parents_line_is_none_of_a_forked_childs() -> None:
    line = Line(True)

    def child() -> None:
        with cleared():
            assert line.asked == []

    with giving_way(line):
        in_child(child)


def test_a_line_that_another_thread_draws_while_one_goes_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Line(True), Line(True)

    class Meanwhile(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            yield from list(super().__iter__())
            if (os.getpid(), second) not in self:
                is_drawn(second)

    monkeypatch.setattr(last_line, "_drawn", Meanwhile())
    is_drawn(first)
    is_gone(first)
    with cleared():
        assert (first.asked, second.asked) == ([], ["give way"])
