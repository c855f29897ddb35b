"""Workers that were spawned, whose parent has a run."""

import re
import subprocess
from pathlib import Path

import pytest
from bare import run_bare

from tracklib._words.spawned import _run_of

SCRIPT = """
    import multiprocessing, warnings
    from tracklib import tracked, tracking

    @tracked
    def step(epoch):
        return {"a": 1}

    def work(count):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for epoch in range(count):
                step(epoch)
        return [str(each.message) for each in caught]

    if __name__ == "__main__":
        with multiprocessing.get_context("METHOD").Pool(1) as pool:
            print(len(pool.apply(work, (3,))))
            with tracking(output_run="run"):
                first, second = pool.apply(work, (9,)), pool.apply(work, (9,))
                print(len(first), len(second))
                print(first[0])
            pool.close()
            pool.join()  # the worker ends by itself
        print(open("run/metrics.csv").read().split())
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_tracked_function_says_once_that_the_parents_run_is_not_here(tmp_path: Path, method: str) -> None:
    printed = run_bare(tmp_path, SCRIPT.replace("METHOD", method)).splitlines()
    assert printed[:2] == ["0", "1 0"]
    assert re.search(
        r"step returned metrics in a worker process.* run of its parent, /.*/run\. Send it along", printed[2]
    )
    assert printed[3] == "['epoch']"


@pytest.mark.slow
def test_where_the_parent_has_none_nothing_is_said(tmp_path: Path) -> None:
    script = SCRIPT.replace("METHOD", "spawn").split("            with tracking")[0]
    assert run_bare(tmp_path, script).strip() == "0"


def test_nothing_is_said_of_a_parent_whose_files_the_system_does_not_show() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert _run_of(gone.pid) == ""
