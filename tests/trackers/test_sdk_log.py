"""What SDKs say while they work for us: to our log, at debug."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENT

from tracklib._common.warn import OURS
from tracklib.trackers._sdk_log import keep_quiet

pytest.importorskip("mlflow")


@pytest.mark.slow
@pytest.mark.parametrize("in_process", [True, False])
def test_a_new_databases_noise_is_in_our_log_at_debug_and_not_in_the_trainings_output(
    tmp_path: Path, in_process: bool, long: bool
) -> None:
    if in_process and not long:
        pytest.skip("runs with --long: a new database takes seconds, and who speaks in our threads is heard below")
    program = f"""
        import logging
        from tracklib import tracking
        said = logging.FileHandler("said")
        said.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logging.getLogger("tracklib").addHandler(said)
        logging.getLogger("tracklib").setLevel("DEBUG")
        logging.getLogger("tracklib").propagate = False
        config = {{"type": "Mlflow", "tracking_uri": "sqlite:///new.db", "in_process": {in_process}}}
        with tracking([config], output_run="run", quiet=True) as t:
            assert t.wait_ready({PATIENT})
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("", "")
    assert "DEBUG mlflow.store.db.utils: Creating initial MLflow database tables" in (tmp_path / "said").read_text()


@pytest.fixture
def sdk() -> Iterator[list[str]]:
    """What reaches the handler of an SDK's own."""
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Kept()
    logging.getLogger("some_sdk").addHandler(handler)
    logging.getLogger("some_sdk.early")
    keep_quiet(("some_sdk",), ("some_other.named",))
    yield said
    logging.getLogger("some_sdk").removeHandler(handler)


def in_thread(name: str, logger: str) -> None:
    thread = threading.Thread(target=lambda: logging.getLogger(logger).warning("retry %d", 3), name=name)
    thread.start()
    thread.join()


@pytest.mark.parametrize("logger", ["some_sdk", "some_sdk.early", "some_sdk.late"])
def test_an_sdk_speaks_to_our_log_in_threads_of_ours_alone(
    sdk: list[str], caplog: pytest.LogCaptureFixture, logger: str
) -> None:
    caplog.set_level("DEBUG", "tracklib")
    in_thread(f"{OURS}Mlflow", logger)
    assert sdk == []
    assert ("tracklib", logging.DEBUG, f"{logger}: retry 3") in caplog.record_tuples
    in_thread("the user's", logger)
    assert sdk == ["retry 3"]


@pytest.mark.usefixtures("sdk")
def test_a_logger_that_is_not_there_yet_can_be_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tracklib")
    in_thread(f"{OURS}Mlflow", "some_other.named")
    assert [name for name, _, _ in caplog.record_tuples] == ["tracklib"]


def test_a_handler_that_serves_our_log_and_an_sdks_says_it_once() -> None:
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.name}: {record.getMessage()}")

    handler, ours = Kept(), logging.getLogger("tracklib")
    level = ours.level
    ours.setLevel("DEBUG")
    for logger in (ours, logging.getLogger("shared_sdk")):
        logger.addHandler(handler)
    try:
        keep_quiet(("shared_sdk",))
        in_thread(f"{OURS}Mlflow", "shared_sdk")
    finally:
        ours.setLevel(level)
        for logger in (ours, logging.getLogger("shared_sdk")):
            logger.removeHandler(handler)
    assert said == ["tracklib: shared_sdk: retry 3"]
