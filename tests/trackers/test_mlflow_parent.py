"""A child run finds its parent at MLflow by what the parent's own tracker keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tracklib import Begin, Parent
from tracklib._journal import layout
from tracklib._journal.state import Saved, write_line
from tracklib.trackers._mlflow_run import RunAtMlflow

BEGIN = Begin(time=1, format=1, uid="child", attempt=1, name="fold", pid=1, host="h", configs=[])


class Client:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def search_experiments(self) -> list[Any]:
        self.asked.append(("search",))
        return []

    def search_runs(self, *arguments: Any, **options: Any) -> list[Any]:
        return []

    def set_tag(self, *arguments: Any, **options: Any) -> None:
        self.asked.append(arguments)


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ({}, ("c", "mlflow.parentRunId", "p")),
        ({"target": "http://elsewhere"}, ("search",)),
        ({"uid": "another"}, ("search",)),
    ],
    ids=["the parent's", "at another server", "of another run"],
)
def test_the_server_is_not_searched_where_the_parents_directory_tells(
    tmp_path: Path, kept: dict[str, str], asked: tuple[str, ...]
) -> None:
    tracker = {"run_id": "p", "target": kept.get("target", "http://server")}
    write_line(layout.tracker_state(str(tmp_path), "Mlflow"), Saved(kept.get("uid", "parent"), tracker=tracker))
    begin = replace(BEGIN, parent=Parent(uid="parent", output_run=str(tmp_path)))
    client = Client()
    state = {"run_id": "c", "target": "http://server"}
    RunAtMlflow(client, begin, state, None, "", lambda step: None).link_to_parent()
    assert client.asked == [asked]
