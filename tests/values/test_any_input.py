"""Whatever is logged, ``log`` returns, its neighbours arrive, and each backend reads back what the rules say."""

from __future__ import annotations

import contextlib
import decimal
import fractions
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from everywhere import INF_AT_MLFLOW, Everywhere
from fuzz import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mlflow_server import MlflowServer

from tracklib import Trackers
from tracklib._journal.reader import Reader
from tracklib._journal.records import Log, Params, Tags

# A delivery's thread that draws its jitter in the middle of an example is not the example's doing.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def trying(few: int, cost: int = 1) -> settings:
    """Many examples, without a clock; and without shrinking where one takes seconds."""
    phases = [Phase.explicit, Phase.generate] if cost > 1 else [*Phase]
    return settings(
        max_examples=examples(few, cost), deadline=None, phases=phases, suppress_health_check=[*HealthCheck]
    )


# What somebody may log --------------------------------------------------------------------------------------


class Value:
    """A value, and the number that arrives; None where it is passed over. Its repr does not ask an evil one."""

    def __init__(self, value: Any, number: float | None) -> None:
        self.value, self.number = value, number

    def __repr__(self) -> str:
        return f"{type(self.value).__name__} of {self.number}"


def raising(error: type[BaseException], method: str) -> Any:
    def raise_it(self: Any, *_: Any) -> Any:
        raise error("evil")

    return type("Evil", (), {method: raise_it})()


ERRORS = [ValueError, MemoryError, RecursionError, KeyError, AssertionError, StopIteration]
METHODS = (
    "__float__ __repr__ __str__ __len__ __iter__ keys items item __getattr__ __bool__ __eq__ __hash__ __index__".split()
)

finite = st.floats(allow_nan=False, allow_infinity=False)
of_python = st.one_of(
    st.floats(),
    st.integers(-(2**80), 2**80),
    st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    st.fractions(),
)
of_numpy = st.one_of(
    st.floats(width=32).map(np.float32),
    st.floats(width=16).map(np.float16),
    st.integers(-(2**31), 2**31 - 1).map(np.int32),
    st.booleans().map(np.bool_),
    st.floats().map(np.array),
    st.floats().map(lambda number: np.array([[number]])),
)
numbers = (of_python | of_numpy).map(lambda number: Value(number, float(np.asarray(number, dtype=object).item())))
others = st.one_of(
    st.none(),
    st.text(st.characters()),
    st.binary(),
    st.complex_numbers(),
    st.lists(st.floats(), max_size=3),
    st.tuples(st.floats(), st.floats()),
    st.sets(st.integers()),
    st.dates(),
    st.timedeltas(),
    st.uuids(),
    st.just(object()),
    st.lists(st.floats(), min_size=2, max_size=3).map(np.array),
    st.sampled_from(ERRORS).flatmap(lambda error: st.sampled_from(METHODS).map(lambda m: raising(error, m))),
    st.just(decimal.Decimal("sNaN")),
    st.just(10**400),
).map(lambda value: Value(value, None))
leaves = numbers | others

own = ["neighbour", "epoch"]
pieces = st.sampled_from([".", "..", "/", "a", " ", "\n", "é", "#", "\\", "\x00", "_step", "=", "x" * 130])
famous = "loss _step _wandb system/x a@b a#b a_b unnamed ../x".split()
names = st.one_of(
    st.text(st.characters()), st.lists(pieces).map("".join), st.sampled_from(["", "\udce9", "L" * 9999, *famous])
).filter(lambda name: name not in own)
no_numbers = others.map(lambda leaf: leaf.value)
steps = st.integers(-(2**70), 2**70) | st.none() | st.floats() | st.booleans() | st.text(max_size=3) | no_numbers
nested = st.recursive(leaves, lambda inner: st.dictionaries(names | st.integers(), inner, max_size=3), max_leaves=6)


def bare(drawn: Any) -> Any:
    """What was drawn, as its user would log it: each ``Value``'s value."""
    if isinstance(drawn, Value):
        return drawn.value
    return {name: bare(value) for name, value in drawn.items()} if isinstance(drawn, dict) else drawn


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trackers, Callable[[], list[Any]]]]:
    """A run with the CSV alone, and what its journal has got since it was last asked."""
    run = Trackers(output_run=tmp_path_factory.mktemp("alone") / "run")
    run.init()
    reader = Reader(str(Path(run.directory) / "journal.jsonl"))
    yield run, lambda: [entry.record for entry in reader.records() if isinstance(entry.record, Log | Params | Tags)]
    reader.close()
    run.finish()
    assert run._attempt.undelivered == ""


@contextlib.contextmanager
def any_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def same(one: float, other: float) -> bool:
    return repr(float(one)) == repr(float(other)) or one == other == 0


# In the journal ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(name=names, leaf=leaves, step=steps, neighbour=st.floats())
@trying(300)
def test_any_value_under_any_name_at_any_step_leaves_its_neighbour_alone(
    alone: Any, name: str, leaf: Value, step: Any, neighbour: float
) -> None:
    run, new = alone
    with any_warning():
        run.log(step, {"neighbour": neighbour, name: leaf.value})
    (record,) = new()
    assert same(record.metrics["neighbour"], neighbour)
    spelt = name.encode("utf-8", "backslashreplace").decode()
    assert set(record.metrics) == {"neighbour"} | ({spelt} if leaf.number is not None else set())
    assert leaf.number is None or same(record.metrics[spelt], leaf.number)
    assert -(2**63) <= record.step < 2**63
    assert type(step) is not int or not -(2**63) <= step < 2**63 or record.step == step


@pytest.mark.slow
@given(drawn=nested, step=steps, neighbour=finite)
@trying(200)
def test_anything_nested_leaves_its_neighbour_alone(alone: Any, drawn: Any, step: Any, neighbour: float) -> None:
    run, new = alone
    with any_warning():
        run.log(step, {"x": bare(drawn), "neighbour": neighbour})
    (record,) = new()
    assert record.metrics["neighbour"] == neighbour
    assert all(name == "neighbour" or name == "x" or name.startswith("x/") for name in record.metrics)


@pytest.mark.slow
@given(drawn=nested)
@trying(200)
def test_any_params_and_tags_are_kept_beside_their_neighbours(alone: Any, drawn: Any) -> None:
    run, new = alone
    with any_warning():
        run.log_params({"x": bare(drawn), "neighbour": 1})
        run.log_tags({"x": bare(drawn), "neighbour": "1"})
    params, tags = new()
    assert params.params["neighbour"] == 1
    assert tags.tags["neighbour"] == "1"
    assert set(params.params) == set(tags.tags) == {"x", "neighbour"}


# Everywhere -------------------------------------------------------------------------------------------------

call = st.tuples(names, leaves, st.integers(-(2**53), 2**53), st.sampled_from(["epoch", "batch"]))
calls = st.lists(call, min_size=60, max_size=120)


@given(drawn=calls)
@trying(2, cost=1000)
def test_each_backend_reads_back_what_the_rules_say(
    drawn: list[Any], tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer
) -> None:
    one = Everywhere(tmp_path_factory.mktemp("any") / "run", mlflow_server.uri)
    with one.run() as run, any_warning():
        for number, (name, leaf, step, axis) in enumerate(drawn):
            run.log(step, {"neighbour": number, name: leaf.value}, axis=axis)
        run.log_params({f"p{number}": leaf.value for number, (_, leaf, _, _) in enumerate(drawn)})
        run.log_params({name: number for number, (name, *_) in enumerate(drawn)})

    count = list(range(len(drawn)))
    assert [int(row["neighbour"]) for row in one.wandb.rows] == count
    assert [int(number) for number in one.csv["neighbour"]] == count
    assert sorted(int(value) for _, value in one.in_mlflow("neighbour")) == count
    check_values(one, drawn)
    assert set(one.wandb.config) >= {f"p{number}" for number in count}
    assert set(one.mlflow.data.params) >= {f"p{number}" for number in count}


def check_values(one: Everywhere, drawn: list[Any]) -> None:
    at_mlflow, at_wandb = one.names("Mlflow"), one.names("Wandb")
    for number, (name, leaf, step, axis) in enumerate(drawn):
        spelt = name.encode("utf-8", "backslashreplace").decode()
        if leaf.number is None or spelt == axis or spelt not in at_mlflow:  # a long name has a hash there
            continue
        value = math.copysign(INF_AT_MLFLOW, leaf.number) if math.isinf(leaf.number) else leaf.number
        assert any(at == step and same(got, value) for at, got in one.in_mlflow(at_mlflow[spelt])), (number, name)
        row = one.wandb.rows[number]
        assert row[axis] == step
        assert same(row[at_wandb[spelt]], leaf.number), (number, name)


def test_the_oracle_of_these_tests_knows_numbers() -> None:
    assert Value(fractions.Fraction(1, 2), 0.5).number == float(fractions.Fraction(1, 2))
