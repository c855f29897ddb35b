"""The table of values: what is logged, and what each backend has of it.

Read a row as: *what* is logged as ``v``, and ``metrics`` arrive (under ``v``, or behind ``v`` where it is nested).
An empty ``metrics`` means that the key is passed over, and the warning says why. The metrics beside it, in the
same call, always arrive. All rows are one run, with a real MLflow server, real offline W&B and the CSV.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import types
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from everywhere import BACKENDS, INF_AT_MLFLOW, Everywhere
from mlflow_server import MlflowServer

from tracklib import Trackers, TrackerWarning, tracking
from tracklib._values.flat import clean

NAN, INF = math.nan, math.inf


# Stand-ins that answer as the packages do, which are not installed for the tests -----------------


class FakeTensor:
    """As ``torch.Tensor``: of one element it has an ``item``, whatever its device, type or gradient."""

    def __init__(self, *elements: float, requires_grad: bool = False, device: str = "cpu") -> None:
        self.elements, self.requires_grad, self.device = elements, requires_grad, device
        self.dtype = "torch.bfloat16"

    def item(self) -> float:
        if self.device == "meta":
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        if len(self.elements) != 1:
            raise RuntimeError(f"a Tensor with {len(self.elements)} elements cannot be converted to Scalar")
        return self.elements[0]

    def __float__(self) -> float:
        if self.requires_grad:
            warnings.warn("Converting a tensor with requires_grad=True to a scalar", stacklevel=2)
        return float(self.item())

    def __len__(self) -> int:
        raise TypeError("len() of a 0-d tensor")


class FakeJaxArray(FakeTensor):
    """As ``jax.Array``."""


class ConcretizationTypeError(TypeError):
    pass


class FakeTracer:
    """As a value inside ``jax.jit``, which has no number yet."""

    def item(self) -> float:
        raise ConcretizationTypeError("Abstract tracer value encountered where concrete value is expected")

    __float__ = item


# Evil ----------------------------------------------------------------------------------------------


def raising(error: type[BaseException], *methods: str) -> Any:
    """An object whose ``methods`` raise."""

    def raise_it(self: Any, *_: Any) -> Any:
        raise error("password=hunter2hunter2")

    return type("Evil", (), dict.fromkeys(methods, raise_it))()


class EvilMeta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise MemoryError

    def __hash__(cls) -> int:
        raise RecursionError


class EvilType(metaclass=EvilMeta):
    def __float__(self) -> float:
        raise MemoryError


class EvilMapping(collections.UserDict):  # type: ignore[type-arg]
    """Iterates, but raises for one of its keys."""

    def __getitem__(self, key: str) -> float:
        if key == "evil":
            raise MemoryError
        return 0.5


class Endless(Mapping):  # type: ignore[type-arg]
    """A mapping whose items never end."""

    def __iter__(self) -> Iterator[str]:
        return (f"n{number}" for number in iter(int, 1))

    def __len__(self) -> int:
        raise RecursionError

    def __getitem__(self, key: str) -> str:
        return "text"


class Subclass(float):
    def __float__(self) -> float:
        raise MemoryError


class Weird(int):
    def __float__(self) -> float:
        return 0.25


class LiesAboutItsFloat:
    def __float__(self) -> Any:
        return "0.5"


def holding_itself() -> dict[str, Any]:
    loop: dict[str, Any] = {"loss": 0.5}
    loop["again"] = loop
    return loop


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"x": 0.5}
    for _ in range(depth):
        value = {"x": value}
    return value


@dataclasses.dataclass
class Dataclass:
    loss: float = 0.5
    note: str = "text"


@dataclasses.dataclass
class HoldsItself:
    loss: float = 0.5
    me: Any = None


class Tuple(NamedTuple):
    loss: float = 0.5


@attrs.define
class Attrs:
    loss: float = 0.5


class Pydantic(pydantic.BaseModel):
    loss: float = 0.5


class Struct(msgspec.Struct):
    loss: float = 0.5


def of_itself() -> HoldsItself:
    value = HoldsItself()
    value.me = value
    return value


class Level(enum.IntEnum):
    HIGH = 3


class Color(enum.Enum):
    RED = 1


# The table -----------------------------------------------------------------------------------------


class Row(NamedTuple):
    what: str
    value: Any
    metrics: dict[str, float] = {}
    warning: str = ""


def number(what: str, value: Any, arrives: float) -> Row:
    return Row(what, value, {"": arrives})


def nothing(what: str, value: Any, warning: str) -> Row:
    return Row(what, value, {}, warning)


TABLE = [
    # Python's own numbers
    number("an int", 3, 3.0),
    number("zero", 0, 0.0),
    number("a negative float", -0.125, -0.125),
    number("minus zero", -0.0, -0.0),
    number("the smallest float", 5e-324, 5e-324),
    number("the largest float", 1.7976931348623157e308, 1.7976931348623157e308),
    number("a float with all its digits", 0.1 + 0.2, 0.1 + 0.2),
    number("True", True, 1.0),
    number("False", False, 0.0),
    number("an int beyond 2**53 is the nearest float", 2**53 + 1, float(2**53)),
    number("an int of 300 digits", 10**300, 1e300),
    number("Decimal", decimal.Decimal("0.1"), 0.1),
    number("Fraction", fractions.Fraction(1, 3), 1 / 3),
    number("IntEnum", Level.HIGH, 3.0),
    number("an int's subclass that says its float", Weird(7), 0.25),
    number("NaN", NAN, NAN),
    number("infinity", INF, INF),
    number("minus infinity", -INF, -INF),
    number("Decimal infinity", decimal.Decimal("-Infinity"), -INF),
    # numpy and pandas
    number("np.float64", np.float64(0.1), 0.1),
    number("np.float32 as exactly as it is", np.float32(0.1), float(np.float32(0.1))),
    number("np.float16", np.float16(0.5), 0.5),
    number("np.longdouble", np.longdouble(0.5), 0.5),
    number("np.int64", np.int64(-7), -7.0),
    number("np.uint8", np.uint8(255), 255.0),
    number("np.bool_", np.bool_(True), 1.0),
    number("a 0-d array", np.array(0.5), 0.5),
    number("an array of one element", np.array([0.5]), 0.5),
    number("a 1x1x1 array", np.array([[[7]]]), 7.0),
    number("np.float32 NaN", np.float32("nan"), NAN),
    number("a masked array of one element", np.ma.masked_array([0.5], [False]), 0.5),
    number("a pandas Series of one element", pd.Series([0.5]), 0.5),
    number("a pandas scalar of an extension type", pd.Series([3], dtype="Int64").iloc[0], 3.0),
    # torch and jax (stand-ins)
    number("a tensor", FakeTensor(0.5), 0.5),
    number("a tensor with requires_grad, without torch's warning", FakeTensor(0.5, requires_grad=True), 0.5),
    number("a jax array", FakeJaxArray(0.25), 0.25),
    nothing("a tensor of two elements", FakeTensor(1.0, 2.0), "FakeTensor is no single number (RuntimeError: a Tensor"),
    nothing("a meta tensor", FakeTensor(1.0, device="meta"), "FakeTensor is no single number (RuntimeError: Tensor.it"),
    nothing("a jax tracer", FakeTracer(), "FakeTracer is no number"),
    # What has no number
    nothing("None", None, "NoneType is no number"),
    nothing("text, also of a number", "0.5", "str is no number"),
    nothing("bytes", b"0.5", "bytes is no number"),
    nothing("np.str_", np.str_("0.5"), "str_ is no number"),
    nothing("a complex number", 1j, "complex is no number"),
    nothing("a list", [0.5], "list is no number"),
    nothing("a tuple", (0.5,), "tuple is no number"),
    nothing("a set", {0.5}, "set is no number"),
    nothing("array.array", array.array("d", [0.5]), "array is no number"),
    nothing("an array of two elements", np.zeros(2), "ndarray is no single number (ValueError"),
    nothing("an empty array", np.zeros(0), "ndarray is no single number (ValueError"),
    nothing("a DataFrame", pd.DataFrame({"a": [1.0]}), "DataFrame is no number"),
    nothing("pd.NA", pd.NA, "NAType is no number"),
    nothing("a date", datetime.datetime(2024, 1, 1), "datetime is no number"),
    nothing("np.datetime64, in nanoseconds too", np.datetime64("2024-01-01", "ns"), "datetime64 is no number"),
    nothing("np.timedelta64", np.timedelta64(5, "ns"), "timedelta64 is no number"),
    nothing("a UUID", uuid.UUID(int=1), "UUID is no number"),
    nothing("an Enum that is no int", Color.RED, "Color is no number"),
    nothing("a class", Dataclass, "type is no number"),
    nothing("a function", len, "builtin_function_or_method is no number"),
    nothing("a generator", iter([0.5]), "list_iterator is no number"),
    nothing("an int that no float holds", 10**400, "int is no single number (OverflowError"),
    nothing("a signalling NaN", decimal.Decimal("sNaN"), "Decimal is no single number (ValueError"),
    nothing("100 MB of text", "x" * 100_000_000, "str is no number"),
    # What is nested
    Row("a dict", {"a": 1, "b": {"c": 2.0}}, {"/a": 1.0, "/b/c": 2.0}),
    Row("an empty dict is nothing, without a word", {}),
    Row("keys that are no text", {1: 0.5, None: 0.25}, {"/1": 0.5, "/None": 0.25}),
    Row("a dataclass", Dataclass(), {"/loss": 0.5}, "metric 'v/note' is not logged: str is no number"),
    Row("a named tuple", Tuple(), {"/loss": 0.5}),
    Row("an attrs object", Attrs(), {"/loss": 0.5}),
    Row("a pydantic object", Pydantic(), {"/loss": 0.5}),
    Row("a msgspec Struct", Struct(), {"/loss": 0.5}),
    Row("a Counter", collections.Counter(a=2), {"/a": 2.0}),
    Row("a read-only mapping", types.MappingProxyType({"a": 1.0}), {"/a": 1.0}),
    Row("a dict that holds itself", holding_itself(), {"/loss": 0.5}, "'v/again' is not logged: dict holds itself"),
    Row("a dataclass that holds itself", of_itself(), {"/loss": 0.5}, "'v/me' is not logged: HoldsItself holds itself"),
    Row("fifteen levels", nested(14), {"/x" * 15: 0.5}),
    nothing("a hundred levels", nested(100), "dict holds itself, or is nested too deeply"),
    Row("two names that are one", {"1": 1.0, 1: 2.0}, {"/1": 1.0}, "'v/1' is not logged: another metric has this name"),
    # Evil
    nothing("__float__ raises MemoryError", raising(MemoryError, "__float__"), "Evil is no single number (MemoryError"),
    nothing("__float__ raises RecursionError", raising(RecursionError, "__float__"), "no single number (RecursionErr"),
    nothing("what it raises holds a secret", raising(ValueError, "__float__"), "(ValueError: password=***)"),
    nothing("__repr__ and __str__ raise", raising(MemoryError, "__repr__", "__str__"), "Evil is no number"),
    nothing("__getattr__ raises", raising(MemoryError, "__getattr__"), "Evil is no single number (MemoryError"),
    nothing("item() raises", raising(RecursionError, "item"), "Evil is no single number (RecursionError"),
    nothing("__len__ and __iter__ raise", raising(MemoryError, "__len__", "__iter__"), "Evil is no number"),
    nothing("__class__ raises", raising(MemoryError, "__getattribute__"), "Evil is no single number (MemoryError"),
    nothing("a float's subclass whose __float__ raises", Subclass(0.5), "Subclass is no single number (MemoryError"),
    nothing("a metaclass that raises", EvilType(), "EvilType is no single number (RecursionError"),
    nothing("__float__ returns text", LiesAboutItsFloat(), "LiesAboutItsFloat is no number"),
    Row("one item of a mapping raises", EvilMapping(a=1, evil=2), {"/a": 0.5}, "asking for it raised MemoryError"),
    nothing("a mapping without an end", Endless(), "metric 'v/n0' is not logged: str is no number"),
]
IDS = [row.what for row in TABLE]


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer) -> Everywhere:
    return Everywhere(tmp_path_factory.mktemp("values") / "run", mlflow_server.uri)


@pytest.fixture(scope="module")
def said(everywhere: Everywhere) -> list[list[warnings.WarningMessage]]:
    """What each row was warned of, in the run that logs them all."""
    said = []
    with everywhere.run() as run:
        for step, row in enumerate(TABLE):
            run._warned.clear()  # rows share the key, of which a run warns once
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                run.log(step, {"before": step, "v": row.value, "after": step})
            said.append(caught)
    return said


def same(one: float, other: float) -> bool:
    return repr(float(one)) == repr(float(other))


def as_stored(backend: str, value: float) -> float:
    """The two things that a backend stores otherwise: MLflow has no infinities."""
    if backend == "mlflow" and math.isinf(value):
        return math.copysign(INF_AT_MLFLOW, value)
    if backend != "csv" and value == 0:  # nor, as W&B's "-0" is read, a zero with a sign
        return 0.0
    return value


def test_the_table_is_long_and_each_row_says_another_thing() -> None:
    assert len(set(IDS)) == len(TABLE) >= 60


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_a_value_arrives_everywhere_as_the_table_says(row: Row, everywhere: Everywhere, said: Any) -> None:
    step = TABLE.index(row)
    for backend in BACKENDS:
        for path, value in row.metrics.items():
            stored = dict(everywhere.values(backend, "v" + path))
            if math.isnan(value) and backend == "csv":  # which pandas reads as an empty cell is read
                assert (everywhere.where / "metrics.csv").read_text().splitlines()[step + 1].count("nan") == 1
            else:
                assert same(stored[step], as_stored(backend, value)), backend


@pytest.mark.parametrize("row", [row for row in TABLE if not row.metrics], ids=lambda row: row.what)
def test_a_value_that_is_passed_over_is_nowhere(row: Row, everywhere: Everywhere, said: Any) -> None:
    step = TABLE.index(row)
    assert set(everywhere.journal[step].metrics) == {"before", "after"}
    assert [backend for backend in BACKENDS if step in dict(everywhere.values(backend, "v"))] == []


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_what_does_not_arrive_is_said_at_the_users_line(row: Row, said: Any) -> None:
    warned = said[TABLE.index(row)]
    assert [one.filename for one in warned] == [__file__] * len(warned)
    assert {one.category for one in warned} <= {TrackerWarning}
    assert len(warned) == (1 if row.warning else 0) or (len(warned) > 1 and isinstance(row.value, Endless))
    assert row.warning in "".join(str(one.message) for one in warned)
    assert "hunter2" not in "".join(str(one.message) for one in warned)


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_neighbours_of_every_row_arrive(backend: str, name: str, everywhere: Everywhere, said: Any) -> None:
    assert everywhere.values(backend, name) == [(step, float(step)) for step in range(len(TABLE))]


# What does not fit into the table ---------------------------------------------------------------------


def test_a_key_is_warned_of_once_in_a_run(tmp_path: Any) -> None:
    with tracking(output_run=tmp_path / "run") as run, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch in range(5):
            run.log(epoch, {"loss": 0.5, "note": "text", "other": None})
    assert [str(one.message) for one in caught] == [
        "metric 'note' is not logged: str is no number",
        "metric 'other' is not logged: NoneType is no number",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_in_the_middle_of_a_value_is_the_users(error: type[BaseException], tmp_path: Any) -> None:
    with tracking(output_run=tmp_path / "run") as run:
        with pytest.raises(error):
            run.log(0, {"loss": raising(error, "__float__")})
        run.log(0, {"loss": 0.5})
    assert (tmp_path / "run/metrics.csv").read_text() == "epoch,loss\n0,0.5\n"


def test_real_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    metrics = {
        "0-d": torch.tensor(0.5),
        "1-element": torch.tensor([0.5]),
        "grad": torch.tensor(0.5, requires_grad=True),
        "bf16": torch.tensor(0.5, dtype=torch.bfloat16),
        "int": torch.tensor(3),
        "bool": torch.tensor(True),
        "many": torch.zeros(3),
        "meta": torch.zeros((), device="meta"),
    }
    flat, skipped = clean(metrics)
    assert flat == {"0-d": 0.5, "1-element": 0.5, "grad": 0.5, "bf16": 0.5, "int": 3.0, "bool": 1.0}
    assert [one.key for one in skipped] == ["many", "meta"]


def test_real_jax_arrays() -> None:
    jnp = pytest.importorskip("jax.numpy")
    flat, skipped = clean({"0-d": jnp.array(0.5), "1-element": jnp.array([0.5]), "many": jnp.zeros(3)})
    assert flat == {"0-d": 0.5, "1-element": 0.5}
    assert [one.key for one in skipped] == ["many"]


@pytest.mark.parametrize(
    "make", [lambda: FakeTensor(0.5), lambda: FakeTensor(0.5, requires_grad=True), lambda: FakeJaxArray(0.5)]
)
def test_a_value_is_asked_once_for_all_trackers(make: Callable[[], Any], tmp_path: Any) -> None:
    asked = []

    class Counted(FakeTensor):
        def item(self) -> float:
            asked.append(self)
            return super().item()

    value = Counted(*make().elements, requires_grad=make().requires_grad)
    run = Trackers(output_run=tmp_path / "run")
    run.init()
    run.log(0, {"loss": value})
    run.finish()
    assert asked == [value]
