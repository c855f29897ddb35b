"""Decorated functions that are pickled by value, as joblib, Ray, Dask and submitit do."""

import importlib
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import pytest
from bare import run_bare
from patience import PATIENT

PROGRAM = """
    import asyncio, functools, pickle, subprocess, sys
    from tracklib import current, tracked, tracking

    SCALE = 3

    @tracked
    def train_epoch(epoch, scale=SCALE):
        return {"loss": scale + (train_epoch(epoch - 1)["loss"] if epoch else 0)}

    @tracked(axis="batch", every=2)
    def batch():
        return {"batch_loss": 1.0}

    def logged_by_another(function):
        @functools.wraps(function)
        def call(*args):
            return function(*args)
        return call

    class Trainer:
        @tracked
        def step(self, epoch):
            return {"step": SCALE}

        @tracked
        @classmethod
        def outer_class(cls, epoch):
            return {"outer_class": SCALE}

        @classmethod
        @tracked
        def inner_class(cls, epoch):
            return {"inner_class": SCALE}

        @tracked
        @staticmethod
        def outer_static(epoch):
            return {"outer_static": SCALE}

        @staticmethod
        @tracked
        def inner_static(epoch):
            return {"inner_static": SCALE}

        @tracked
        async def later(self, epoch):
            return {"later": SCALE}

        @tracked
        def steps(self, epoch):
            yield {"yielded": SCALE}

        @tracked
        @logged_by_another
        def twice_decorated(self, epoch):
            return {"twice": SCALE}

    class Child(Trainer):
        def both(self):
            self.step(7)

    def nested():
        rate = 0.5
        @tracked
        def inner(epoch):
            return {"nested": rate}
        return inner

    def plain():
        train_epoch(0)

    @tracking(output_run="decorated", params=True)
    def main(lr=0.1):
        Trainer().step(0)

    @tracking(output_run="stream")
    def stream():
        yield train_epoch(0)

    ELSEWHERE = '''
    import asyncio, cloudpickle, pickle
    from tracklib import tracking
    got = pickle.load(open("there.pkl", "rb"))
    trainer, made = got["trainer"], type(got["trainer"])
    with tracking(output_run="elsewhere"):
        got["plain"]()
        got["train_epoch"](1)
        [got["batch"]() for _ in range(3)]
        got["nested"](0)
        trainer.step(0), made.step(trainer, 1), got["bound"](2), got["unbound"](trainer, 3), got["child"].both()
        trainer.outer_class(0), trainer.inner_class(0), trainer.outer_static(0), made.inner_static(0)
        got["class method"](1), got["static method"](1)
        asyncio.run(trainer.later(0))
        list(trainer.steps(0))
        trainer.twice_decorated(0)
    got["main"](lr=0.5)
    list(got["stream"]())
    open("back.pkl", "wb").write(cloudpickle.dumps(got))
    '''
"""

ROUND = """
    import textwrap
    import cloudpickle
    things = dict(
        train_epoch=train_epoch, batch=batch, nested=nested(), plain=plain, main=main, stream=stream, trainer=Trainer(),
        bound=Trainer().step, unbound=Trainer.step, child=Child())
    things["class method"], things["static method"] = Trainer.outer_class, Trainer.outer_static
    open("there.pkl", "wb").write(cloudpickle.dumps(things))
    before = dict(vars(Trainer))
    subprocess.run([sys.executable, "-c", textwrap.dedent(ELSEWHERE)], check=True)
    print(open("elsewhere/metrics.csv").read().replace("\\n", " "))
    print(open("decorated/metrics.csv").read().split(), open("stream/metrics.csv").read().split())
    back = pickle.load(open("back.pkl", "rb"))
    print(back["train_epoch"] is train_epoch, back["main"] is main, type(back["trainer"]) is Trainer)
    print(all(before[name] is vars(Trainer)[name] for name in ("step", "outer_class", "outer_static", "later")))
    with tracking(output_run="here"):
        back["trainer"].step(4), Trainer().step(5), back["bound"](6), back["plain"]()
    print(open("here/metrics.csv").read().split())
"""


@pytest.mark.slow
def test_what_a_program_decorates_stays_decorated_in_a_worker_and_when_it_comes_back(tmp_path: Path) -> None:
    printed = run_bare(tmp_path, PROGRAM + ROUND).splitlines()
    rows = [row.split(",") for row in printed[0].split()]
    named = {name: [row[column] for row in rows[1:] if row[column]] for column, name in enumerate(rows[0])}
    assert named.pop("epoch")
    assert named.pop("batch") == ["0", "2"]
    assert {name: len(values) for name, values in named.items()} == {
        "loss": 3,  # by the plain function at 0; at 1, and in it at 0
        "batch_loss": 2,
        "nested": 1,
        "step": 5,
        "outer_class": 2,
        "inner_class": 1,
        "outer_static": 2,
        "inner_static": 1,
        "later": 1,
        "yielded": 1,
        "twice": 1,
    }
    assert printed[1] == "['epoch,step', '0,3.0'] ['epoch,loss', '0,3.0']"
    assert printed[2:4] == ["True True True", "True"]
    assert printed[4] == "['epoch,step,loss', '4,3.0,', '5,3.0,', '6,3.0,', '0,,3.0']"


@pytest.mark.slow
def test_jobs_of_joblib_log_each_into_the_run_around_it(tmp_path: Path) -> None:
    script = """
        from joblib import Parallel, delayed
        from tracklib import tracked, tracking

        @tracked
        def train_epoch(epoch):
            return {"loss": epoch}

        def fold(i):
            with tracking(output_run=f"fold-{i}"):
                for epoch in range(2):
                    train_epoch(epoch)

        if __name__ == "__main__":
            Parallel(n_jobs=2)(delayed(fold)(i) for i in range(2))
            print([open(f"fold-{i}/metrics.csv").read().split() for i in range(2)])
    """
    assert run_bare(tmp_path, script).strip() == str([["epoch,loss", "0,0.0", "1,1.0"]] * 2)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    (tmp_path / "steps_of_mine.py").write_text(
        "from tracklib import tracked\n"
        "@tracked\ndef step(epoch): return {'a': 1}\n"
        "class Net:\n    @tracked\n    def step(self, epoch): return {'a': 1}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("steps_of_mine")
    del sys.modules["steps_of_mine"]


def test_what_an_importable_module_holds_is_pickled_by_reference(module: Any) -> None:
    for thing in (module.step, module.Net.step):
        pickled = cloudpickle.dumps(thing)
        assert len(pickled) < 400
        assert b"steps_of_mine" in pickled
    assert cloudpickle.loads(cloudpickle.dumps(module.step)) is module.step


def test_a_module_that_is_not_on_the_worker_is_pickled_by_value_where_the_user_says_so(
    module: Any, tmp_path: Path
) -> None:
    cloudpickle.register_pickle_by_value(module)
    try:
        pickled = cloudpickle.dumps([module.step, module.Net.step])
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    script = (
        "import pickle, sys; from tracklib import tracking\n"
        "step, method = pickle.load(sys.stdin.buffer)\n"
        "with tracking(output_run='run'): step(0); method(None, 1)\n"
        "assert 'steps_of_mine' not in sys.modules; print(open('run/metrics.csv').read().split())"
    )
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    done = subprocess.run([sys.executable, "-c", script], input=pickled, stdout=-1, cwd=cwd, timeout=PATIENT)
    assert done.stdout.decode().strip() == "['epoch,a', '0,1.0', '1,1.0']"


def test_two_copies_in_one_worker_are_two_functions_each_with_its_own_globals(tmp_path: Path) -> None:
    """As of cloudpickle's plain functions: the later message tells how the world is then."""
    namespace: dict[str, Any] = {"__name__": "__main__", "rate": 1}
    exec("from tracklib import tracked\n@tracked\ndef step(epoch): return {'rate': rate}", namespace)
    earlier = cloudpickle.dumps(namespace["step"])
    namespace["rate"] = 2
    later = cloudpickle.dumps(namespace["step"])
    script = f"import pickle; print([pickle.loads(each)(0)['rate'] for each in ({earlier!r}, {later!r})])"
    assert run_bare(tmp_path, script).strip() == "[1, 2]"


def test_a_copy_that_was_pickled_by_value_tells_its_kind_signature_and_name(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("from tracklib import tracked\n@tracked\nasync def step(epoch: int = 3) -> None:\n  'Doc.'", namespace)
    script = f"""
        import inspect, pickle
        copy = pickle.loads({cloudpickle.dumps(namespace["step"])!r})
        assert inspect.iscoroutinefunction(copy)
        assert str(inspect.signature(copy)) == "(epoch: int = 3) -> None"
        assert (copy.__name__, copy.__qualname__, copy.__module__, copy.__doc__) == ("step", "step", "__main__", "Doc.")
    """
    run_bare(tmp_path, script)
