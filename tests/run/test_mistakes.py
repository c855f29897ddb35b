"""Mistakes that would say nothing, or mislead: each has its sentence."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from bare import run_bare
from kept import logged

from tracklib import ConfigError, Console, CsvLogger, Mlflow, Trackers, TrackerWarning, Wandb, tracked, tracking


@tracked
def forgets() -> None:
    """As a user writes it who forgot the return."""


@pytest.mark.slow
def test_a_block_that_is_never_entered_is_said_to_be_at_the_users_line() -> None:
    with pytest.warns(TrackerWarning, match="never entered, so nothing is tracked: write `with tracking") as warned:
        tracking(output_run="runs/never")
        gc.collect()
    assert warned[0].filename == __file__


def test_another_trackers_word_is_told_of_and_is_none_of_the_runs(tmp_path: Path) -> None:
    run: Any = Trackers(None, str(tmp_path))
    with pytest.raises(AttributeError, match="a run has no config: write tracking") as told:
        run.config  # noqa: B018  # asking is the test
    assert (told.value.name, told.value.obj) == ("config", run)
    assert not hasattr(run, "config")
    assert not {"config", "log_metric"} & {*dir(run)}
    run.config = 1
    assert "config" in dir(run)


def test_a_subclass_may_have_such_a_word_and_says_itself_what_it_misses(tmp_path: Path) -> None:
    class Mine(Trackers):
        @property
        def config(self) -> object:
            return {}.width  # type: ignore[attr-defined]

    mine = Mine(None, str(tmp_path))
    assert "config" in dir(mine)
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'width'"):
        mine.config  # noqa: B018  # asking is the test


def test_what_a_run_has_is_found_the_quick_way_that_the_interpreter_has_without_getattr() -> None:
    assert not hasattr(Trackers, "__getattr__")


def test_a_word_of_the_run_on_the_block_says_how_it_is_written() -> None:
    block: Any = tracking(output_run="runs/never")
    with pytest.raises(AttributeError, match="write `with tracking.*as t:`, and t.log inside"):
        block.log(0, {"loss": 1})
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        block.nothing  # noqa: B018  # asking is the test
    block._is_unused = False


def test_a_forgotten_return_is_wondered_at_where_no_metric_was_logged(tmp_path: Path) -> None:
    with pytest.warns(TrackerWarning, match="no metric was logged: forgets returned None, is a `return` forgotten?"):
        with tracking(output_run=tmp_path / "none"):
            forgets()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tracking(output_run=tmp_path / "some") as t:
            forgets()
            t.log(0, {"loss": 1})


def test_a_best_value_that_never_came_is_told_with_the_name_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.warns(TrackerWarning, match="best: 'val_acc' never came: did you mean 'val/acc'?"):
        with tracking(output_run=tmp_path, best={"val_acc": "max", "loss": "min"}) as t:
            t.log(0, {"loss": 1, "val/acc": 2})


def test_a_warning_that_is_an_error_does_not_keep_the_run_from_its_end(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tracking(output_run=tmp_path, best={"acc": "max"}) as t:
            t.log(0, {"loss": 1})
    assert not t.is_init


@pytest.mark.parametrize(
    ("args", "kwargs", "kept"),
    [
        (({"loss": 1},), {}, (0, {"loss": 1.0})),
        (({"loss": 1},), {"step": 3}, (3, {"loss": 1.0})),
        (({"loss": 1}, 3), {}, (3, {"loss": 1.0})),
        ((3,), {"loss": 1}, (3, {"loss": 1.0})),
        ((), {"loss": 1, "step": 3}, (3, {"loss": 1.0})),
        ((), {"loss": 1}, (0, {"loss": 1.0})),
        ((), {"epoch": 3, "log_dict": {"loss": 1}}, (3, {"loss": 1.0})),
        ((3, {"step": 5}), {}, (3, {"step": 5.0})),
    ],
)
def test_what_other_trackers_users_write_is_taken(
    tmp_path: Path, args: Any, kwargs: Any, kept: tuple[int, dict[str, float]]
) -> None:
    with tracking(output_run=tmp_path) as t:
        t.log(*args, **kwargs)
    assert logged(tmp_path) == [kept]


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, "log has no metrics to log: write t.log"),
        ((3,), {}, "log has no metrics to log: write t.log"),
        ((3, {"loss": 1}), {"acc": 1}, "as a mapping and as 'acc': write t.log"),
        ((3, 4), {}, "log_dict must map names to numbers"),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_what_is_ambiguous_says_how_it_is_written(tmp_path: Path, args: Any, kwargs: Any, told: str, rank: int) -> None:
    with tracking(output_run=tmp_path, rank=rank) as t, pytest.raises(TypeError, match=told):
        t.log(*args, **kwargs)


@pytest.mark.slow
def test_a_coroutine_that_nobody_awaits_is_called_by_its_own_name() -> None:
    @tracked
    async def validate() -> dict[str, float]:
        return {"acc": 1}

    with pytest.warns(RuntimeWarning, match="validate' was never awaited"):
        validate()  # type: ignore[unused-coroutine]  # the mistake
        gc.collect()
    assert asyncio.run(validate()) == {"acc": 1}


def test_the_directory_may_come_second_as_in_trackers(tmp_path: Path) -> None:
    with tracking([], tmp_path / "run") as t:
        pass
    assert t.directory == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("option", "meant"), [("output_dir", "output_run"), ("config", "params"), ("tag", "tags"), ("on_eror", "on_error")]
)
def test_an_option_of_another_name_says_which_is_meant(option: str, meant: str) -> None:
    options: Any = {option: "x"}
    for word in (tracking, Trackers):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}': did you mean {meant}?"):
            word(**options)


MISTAKES = [
    'with tracking([{"type": "Mlfow"}]): pass',
    'with tracking([{"type": "Mlflow", "experment": "x"}]): pass',
    'with tracking("none.toml"): pass',
    'tracking(nam="x")',
    "with tracking(tags=3): pass",
    'tracking([{"type": "Csv"}])(print)()',
    'Trackers([{"type": "Mlfow"}])',
    "Trackers(best=3)",
    'tracking().__enter__().child("x", foo=1)',
    'tracking().__enter__().child("x", on_error="x")',
    'tracking().__enter__().child("x", tags=3)',
    'with tracking(output_run="/dev/null/run"): pass',
    'with Trackers(output_run="/dev/null/run"): pass',
    'Trackers(output_run="/dev/null/run").init()',
    "Wandb(project=1)",
    'Wandb("digits")',
    'Mlflow(tracking_ur="x")',
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What Python shows of each of the mistakes, as a program's own; each is a fork of one process."""
    script = f"""
        import json, os, sys, traceback
        from tracklib import *
        from tracklib.trackers import Trackers

        said = []
        for mistake in {MISTAKES!r}:
            read, write = os.pipe()
            if not (child := os.fork()):
                os.dup2(write, 2)
                program = compile(f"\\n{{mistake}}", "<string>", "exec")
                try:
                    exec(program)
                except BaseException as error:
                    sys.excepthook(type(error), error.with_traceback(error.__traceback__.tb_next), error.__traceback__)
                os._exit(0)
            os.close(write)
            with open(read) as pipe:
                said.append(pipe.read())
            os.waitpid(child, 0)
        print(json.dumps(said))
    """
    found: list[str] = json.loads(run_bare(tmp_path_factory.mktemp("mistakes"), script).splitlines()[-1])
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_traceback_of_a_mistake_shows_the_callers_line_and_few_of_ours(shown: list[str], mistake: str) -> None:
    said = shown[MISTAKES.index(mistake)]
    lines = said[said.index("Traceback") :].split("Error: ")[0].splitlines()
    assert len(lines) <= 8, said
    assert 'File "<string>", line 2' in said
    assert "During handling" not in said


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Wandb(project=cast(Any, 1)), "Wandb's 'project' must be str | None, got int: 1"),
        (lambda: Mlflow(timeout=cast(Any, "10")), "Mlflow's 'timeout' must be float, got str: '10'"),
        (lambda: Console(output=cast(Any, "x")), "Console has no option 'output' .did you mean 'output_run'"),  # type: ignore[call-arg]  # that is the mistake
        (lambda: CsvLogger("a.csv"), "CsvLogger takes its options by name; it has csv_filename"),  # type: ignore[call-arg]  # that is the mistake
    ],
)
def test_a_wrong_option_by_hand_says_what_a_config_would(make: Callable[[], object], said: str) -> None:
    with pytest.raises((ConfigError, TypeError), match=said):
        make()


def test_a_path_is_an_option_where_a_text_is(tmp_path: Path) -> None:
    tracker = CsvLogger(output_run=cast(Any, tmp_path), csv_filename=cast(Any, tmp_path / "a.csv"))
    assert (tracker.output_run, tracker.csv_filename) == (str(tmp_path), str(tmp_path / "a.csv"))


def test_a_subclass_of_a_tracker_has_options_of_its_own(tmp_path: Path) -> None:
    class Mine(CsvLogger):
        def __init__(self, folder: Path) -> None:
            super().__init__(csv_filename=str(folder / "mine.csv"))

    assert Mine(tmp_path).csv_filename == str(tmp_path / "mine.csv")


ASCII = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
def test_letters_that_an_ascii_locale_has_not_are_logged_told_and_shown(tmp_path: Path, monkeypatch: Any) -> None:
    for name, value in ASCII.items():
        monkeypatch.setenv(name, value)
    script = r"""
        import subprocess, sys
        from tracklib import tracking
        with tracking([{"type": "Console"}], output_run="run", name="gr\xf6\xdfe \u540d", params={"\xf6": "\xfc"}) as t:
            t.log(0, {"verlust/gr\xf6\xdfe": 0.5, "b\xe4d": object()})
            with t.child("gr\xf6\xdfe") as child:
                child.log(0, {"\xe4": 1})
        with open(t["CsvLogger"].csv_filename, encoding="utf-8") as file:
            assert "verlust/gr\xf6\xdfe" in file.readline()
        for words in ("ls .", "show run", "sync run", "sync --all ."):
            done = subprocess.run([sys.executable, "-m", "tracklib", *words.split()], capture_output=True)
            assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    """
    run_bare(tmp_path, script)


def test_a_directory_that_the_locale_cannot_name_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: Any) -> None:
    for name, value in ASCII.items():
        monkeypatch.setenv(name, value)
    script = r"""
        from tracklib import tracking
        try:
            tracking(output_run="gr\xf6\xdfe").__enter__()
        except OSError as error:
            print(type(error).__name__, error)
    """
    said = run_bare(tmp_path, script)
    assert said.startswith("RunDirectoryError output_run=")
    assert "PYTHONUTF8=1" in said
