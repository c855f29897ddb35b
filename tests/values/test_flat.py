"""Values: what is a number becomes a float, what is none costs its own key, and nothing raises."""

import collections
import dataclasses
import decimal
import enum
import fractions
import math
import pathlib
import types
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib._values import flat as _values
from tracklib._values.arguments import whole_number
from tracklib._values.flat import clean
from tracklib._values.mappings import as_mapping
from tracklib._values.numbers import to_float
from tracklib._values.plain import plain
from tracklib._values.returned import as_metrics
from tracklib._values.room import DEPTH


class NAIntegerType(int):
    """As rpy2 has R's missing value: an int that can tell no truth."""

    def __bool__(self) -> bool:
        raise ValueError("R value for missing integer value")

    def __str__(self) -> str:
        return "NA_integer_"


NA_INTEGER = NAIntegerType(-(2**31))


@dataclasses.dataclass
class DataclassMetrics:
    loss: float = 0.5
    accuracy: float = 0.25


class NamedTupleMetrics(NamedTuple):
    loss: float = 0.5
    accuracy: float = 0.25


@attrs.define
class AttrsMetrics:
    loss: float = 0.5
    accuracy: float = 0.25


class PydanticMetrics(pydantic.BaseModel):
    loss: float = 0.5
    accuracy: float = 0.25


class MsgspecMetrics(msgspec.Struct):
    loss: float = 0.5
    accuracy: float = 0.25


OBJECTS = [DataclassMetrics(), NamedTupleMetrics(), AttrsMetrics(), PydanticMetrics(), MsgspecMetrics()]


class Level(enum.IntEnum):
    LOW = 1


by_type: dict[str, Any] = {"ids": lambda value: type(value).__name__}


class Evil(Exception):
    pass


class EvilFloat:
    def __float__(self) -> None:
        raise Evil("api_key=hunter2hunter2")


class EvilItem:
    def item(self) -> None:
        raise Evil


class EvilGetattr:
    def __getattr__(self, name: Any) -> None:
        raise Evil


class EvilClass:
    @property  # type: ignore[misc]  # evil on purpose
    def __class__(self) -> Any:
        raise Evil


class EvilStr:
    def __str__(self) -> Any:
        raise Evil

    __repr__ = __str__


class EvilHash(EvilStr):
    def __hash__(self) -> Any:
        raise Evil


class EvilIter(dict[str, Any]):
    def __iter__(self) -> Any:
        raise Evil


class EvilItems(EvilIter):
    def items(self) -> Any:
        raise Evil


class NoPairs(EvilIter):
    def items(self) -> Any:
        return [1, 2]


class OnlyItsItemsAreEvil(dict[str, Any]):
    def items(self) -> Any:
        raise Evil


class OneEvilItem(collections.UserDict[str, Any]):
    def __getitem__(self, key: Any) -> Any:
        if key == "evil":
            raise Evil("token=abcdefgh")
        return super().__getitem__(key)


class EvilKeys(collections.abc.Mapping[Any, float]):
    """A mapping with keys that no dict takes."""

    def __iter__(self) -> Any:
        return iter([EvilHash()])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: Any) -> float:
        return 0.5


@dataclasses.dataclass
class EvilField:
    loss: float = 0.5

    def __getattribute__(self, name: Any) -> Any:
        if name == "loss":
            raise Evil
        return object.__getattribute__(self, name)


def evil_items() -> Any:
    return EvilItems(a=1.0)


def no_pairs() -> Any:
    return NoPairs(a=1.0)


EVIL = [EvilFloat, EvilItem, EvilGetattr, EvilClass, EvilStr, EvilField, evil_items, no_pairs]


# What is a number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (False, 0.0),
        (0.1, 0.1),
        (-0.0, -0.0),
        (10**300, 1e300),
        (decimal.Decimal("0.25"), 0.25),
        (decimal.Decimal("Infinity"), math.inf),
        (fractions.Fraction(1, 4), 0.25),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.uint8(255), 255.0),
        (np.bool_(True), 1.0),
        (np.array(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (np.array([[7]]), 7.0),
        (np.ma.array([0.5], mask=[False]), 0.5),
        (pd.Series([0.5]), 0.5),
        (Level.LOW, 1.0),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
    ids=lambda value: f"{type(value).__name__} {value!s:.20}",
)
def test_a_number_of_any_package_is_a_float(value: Any, expected: Any) -> None:
    flat, skipped = clean({"x": value})
    assert skipped == []
    assert type(flat["x"]) is float
    assert repr(flat["x"]) == repr(expected)


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), np.array([np.nan]), decimal.Decimal("nan")])
def test_nan_stays(value: Any) -> None:
    assert math.isnan(clean({"x": value})[0]["x"])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "NoneType is no number"),
        ("0.5", "str is no number"),
        (b"0.5", "bytes is no number"),
        (bytearray(b"1"), "bytearray is no number"),
        (np.str_("0.5"), "str_ is no number"),
        (1j, "complex is no number"),
        (np.complex128(1j), "complex128 is no number"),
        ([0.5], "list is no number"),
        ((0.5, 1), "tuple is no number"),
        ({0.5}, "set is no number"),
        (object(), "object is no number"),
        (DataclassMetrics, "type is no number"),
        (np.zeros(2), "ndarray is no single number (ValueError"),
        (np.zeros(0), "ndarray is no single number (ValueError"),
        (pd.Series([1, 2]), "Series is no single number (ValueError"),
        (10**400, "int is no single number (OverflowError"),
        (decimal.Decimal("sNaN"), "Decimal is no single number (ValueError"),
        (np.ma.masked, "MaskedConstant is no single number (ValueError: it is masked)"),
        (NA_INTEGER, "NAIntegerType is no single number (ValueError: it is missing)"),
        (np.ma.array(0.5, mask=True), "MaskedArray is no single number (ValueError: it is masked)"),
        (np.ma.array([0.5], mask=[True]), "MaskedArray is no single number (ValueError: it is masked)"),
        (np.ma.array([1.0], mask=[True]).mean(), "MaskedConstant is no single number (ValueError: it is masked)"),
        (pd.NA, "NAType is no number"),
        (pd.NaT, "NaTType is no"),
        (pd.Series([pd.NA], dtype="Float64"), "Series is no"),
        (np.datetime64("NaT", "s"), "datetime64 is no number"),
        (EvilFloat(), "EvilFloat is no single number (Evil: api_key=***)"),
        (EvilItem(), "EvilItem is no single number (Evil"),
        (EvilGetattr(), "EvilGetattr is no single number (Evil"),
        (EvilStr(), "EvilStr is no number"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_skipped_with_the_reason_and_its_neighbours_are_kept(value: Any, why: str) -> None:
    flat, skipped = clean({"a": 1.0, "x": value, "b": 2.0})
    assert flat == {"a": 1.0, "b": 2.0}
    ((key, reason),) = skipped
    assert key == "x"
    assert reason.startswith(why)


def test_to_float_raises_for_what_is_no_number() -> None:
    with pytest.raises(TypeError, match="no number"):
        to_float("0.5")


@given(st.dictionaries(st.text(), st.floats() | st.integers(-(2**60), 2**60) | st.booleans()))
def test_any_flat_dict_of_numbers_keeps_every_number(metrics: Any) -> None:
    flat, skipped = clean(metrics)
    assert skipped == []
    assert [repr(value) for value in flat.values()] == [repr(float(value)) for value in metrics.values()]


# Flat


@pytest.mark.parametrize(
    "value",
    [0.5, 3, True, 10**400, -(2**70), math.nan, np.float64(0.5), np.float32(0.5), {"a": 1}, "x", None],
    ids=repr,
)
def test_a_second_call_with_the_same_names_says_the_same(value: Any) -> None:
    metrics = {"loss": 0.25, "other": value, "epoch": 3}
    first = clean(metrics)
    second = clean(metrics)
    assert repr(second) == repr(first)
    assert {type(number) for number in second[0].values()} == {float}
    assert metrics["epoch"] == 3
    assert type(metrics["epoch"]) is int


def test_names_that_were_there_before_are_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"seen/before": np.float32(0.5), "seen/too": 1}
    first = clean(metrics)
    monkeypatch.setattr(_values, "shows_secret", lambda text: pytest.fail(f"looked at {text!r}"))
    assert clean(metrics) == first


def test_the_result_is_a_dict_of_its_own() -> None:
    metrics = {"loss": 0.5}
    flat, _ = clean(metrics)
    flat["loss"] = 1.0
    assert metrics == {"loss": 0.5}


def test_nested_names_are_joined_by_slashes_in_order() -> None:
    flat, skipped = clean({"train": {"loss": 1.0, "top": {"1": 2.0, 5: 3}}, "lr": 0.5, "val": DataclassMetrics()})
    assert list(flat.items()) == [
        ("train/loss", 1.0),
        ("train/top/1", 2.0),
        ("train/top/5", 3.0),
        ("lr", 0.5),
        ("val/loss", 0.5),
        ("val/accuracy", 0.25),
    ]
    assert skipped == []


@pytest.mark.parametrize("value", OBJECTS, **by_type)
def test_an_object_of_fields_is_a_mapping(value: Any) -> None:
    assert clean({"x": value}) == ({"x/loss": 0.5, "x/accuracy": 0.25}, [])


@pytest.mark.parametrize(
    "mapping",
    [
        collections.OrderedDict(a=1.0),
        collections.defaultdict(float, a=1.0),
        collections.Counter(a=1),
        collections.ChainMap({"a": 1.0}),
        collections.UserDict(a=1.0),
        types.MappingProxyType({"a": 1.0}),
    ],
    **by_type,
)
def test_a_mapping_of_any_kind_is_taken(mapping: Any) -> None:
    assert clean(mapping) == ({"a": 1.0}, [])
    assert clean({"x": mapping}) == ({"x/a": 1.0}, [])


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (1, "1"),
        (None, "None"),
        (("a", 1), "('a', 1)"),
        (np.str_("loss"), "loss"),
        ("", ""),
        (1.5, "1.5"),
        (EvilStr(), "<EvilStr>"),
        (pathlib.PurePath("a/b"), "a/b"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_key_of_any_type_is_a_name(key: Any, name: str) -> None:
    assert clean({key: 0.5}) == ({name: 0.5}, [])


@pytest.mark.parametrize("metrics", [{"a/b": 1.0, "a": {"b": 2.0}}, {"1": 1.0, 1: 2.0}, {"a": {"b": 1.0}, "a/b": 2.0}])
def test_of_two_metrics_with_one_name_the_first_is_kept_and_the_other_is_said(metrics: dict[str, Any]) -> None:
    flat, skipped = clean(metrics)
    assert list(flat.values()) == [1.0]
    ((key, why),) = skipped
    assert key in flat
    assert "this name already" in why


def test_empty_mappings_are_nothing() -> None:
    assert clean({}) == ({}, [])
    assert clean({"a": {}}) == ({}, [])


# Evil


def test_a_dict_that_holds_itself_costs_its_own_key() -> None:
    loop: dict[str, Any] = {"loss": 0.5}
    loop["self"] = loop
    assert clean(loop) == ({"loss": 0.5}, [("self", "dict holds itself, or is nested too deeply")])


def test_a_dict_that_holds_itself_many_times_is_not_followed() -> None:
    loop: dict[str, Any] = {"loss": 0.5}
    for number in range(5):
        loop[f"self{number}"] = {"again": loop}
    flat, skipped = clean(loop)
    assert flat == {"loss": 0.5}
    assert [key for key, _ in skipped] == [f"self{number}/again" for number in range(5)]


def test_one_dict_in_two_places_is_no_cycle() -> None:
    shared = {"loss": 0.5}
    assert clean({"a": shared, "b": shared}) == ({"a/loss": 0.5, "b/loss": 0.5}, [])


def nested(depth: Any) -> Any:
    value: dict[str, Any] = {"x": 0.5}
    for _ in range(depth):
        value = {"x": value}
    return value


def test_nesting_has_a_limit() -> None:
    assert clean(nested(DEPTH)) == ({"/".join("x" * (DEPTH + 1)): 0.5}, [])
    flat, skipped = clean(nested(DEPTH + 1))
    assert flat == {}
    assert [key for key, _ in skipped] == ["/".join("x" * (DEPTH + 1))]


@pytest.mark.parametrize("make", EVIL)
def test_an_evil_value_costs_its_own_key_only(make: Any) -> None:
    flat, skipped = clean({"a": 1.0, "x": make(), "b": {"c": 2.0}})
    assert flat == {"a": 1.0, "b/c": 2.0}
    assert [key.split("/")[0] for key, _ in skipped] == ["x"]


@pytest.mark.parametrize("make", EVIL)
def test_an_evil_value_returned_or_given_as_a_param_raises_nothing(make: Any) -> None:
    as_metrics(make(), "train")
    as_metrics((make(), make()), "train")
    msgspec.json.encode(plain({"a": make(), "b": [make()]}))


@pytest.mark.parametrize("metrics", [EvilItems(a=1.0), NoPairs(a=1.0)], **by_type)
def test_an_evil_mapping_is_said_and_nothing_raises(metrics: Any) -> None:
    flat, ((key, why),) = clean(metrics)
    assert (flat, key) == ({}, "")
    assert why.startswith("its items() raised")


def test_an_evil_field_costs_its_own_key_only() -> None:
    @dataclasses.dataclass
    class Half(EvilField):
        accuracy: float = 0.25

    assert clean({"x": Half()}) == ({"x/accuracy": 0.25}, [("x/loss", "asking for it raised Evil")])
    assert plain(Half()) == {"loss": "<Evil>", "accuracy": 0.25}


def test_a_mapping_whose_items_raise_is_asked_key_by_key() -> None:
    assert clean({"x": OnlyItsItemsAreEvil(a=1.0)}) == ({"x/a": 1.0}, [])


def test_one_evil_item_of_a_mapping_costs_its_own_key_only() -> None:
    flat, skipped = clean(OneEvilItem(a=1.0, evil=2.0, b=3.0))
    assert flat == {"a": 1.0, "b": 3.0}
    assert skipped == [("evil", "asking for it raised Evil: token=***")]
    assert plain(OneEvilItem(evil=1, b=3)) == {"evil": "<Evil>", "b": 3}


def test_a_key_that_cannot_be_hashed_is_named_by_its_type() -> None:
    assert clean(EvilKeys()) == ({"<EvilHash>": 0.5}, [])


# What a function returned


@pytest.mark.parametrize(
    ("returned", "metrics"),
    [
        ({"loss": 0.5}, {"loss": 0.5}),
        ({}, {}),
        (0.5, {"train": 0.5}),
        (3, {"train": 3.0}),
        (np.float32(0.5), {"train": 0.5}),
        (("model", {"loss": 0.5}), {"loss": 0.5}),
        (("model", {"loss": 0.5}, {"lr": 0.1}), {"loss": 0.5, "lr": 0.1}),
        (({"loss": 0.5}, {"loss": 0.75, "lr": 0.1}), {"loss": 0.5, "loss_2": 0.75, "lr": 0.1}),
        (({"a": 1, "a_2": 2}, {"a": 3}, {"a": 4}), {"a": 1, "a_2": 2, "a_3": 3, "a_4": 4}),
        (({"x": {"a": 1}}, {"x": {"a": 2, "b": 3}}), {"x": {"a": 1, "a_2": 2, "b": 3}}),
        (({"x": {"a": 1}}, {"x": 2}), {"x": {"a": 1}, "x_2": 2}),
        ((0.25, {"loss": 0.5}), {"loss": 0.5, "train": 0.25}),
        (({"train": 0.5}, 0.25, np.float32(0.75)), {"train": 0.5, "train_2": 0.25, "train_3": 0.75}),
        (("model", np.zeros(3), None, "3", {"loss": 0.5}), {"loss": 0.5}),
        (("model", DataclassMetrics()), {"loss": 0.5, "accuracy": 0.25}),
        (None, None),
        ("done", None),
        ([0.5, 0.25], None),
        ((0.5, 0.25), None),
        ((), None),
        (np.zeros(3), None),
        (object(), None),
        (EvilFloat(), None),
        (EvilGetattr(), None),
        ((EvilClass(), {"loss": 0.5}), {"loss": 0.5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_returned_value_says_its_metrics(returned: Any, metrics: Any) -> None:
    assert as_metrics(returned, "train") == metrics


@pytest.mark.parametrize("returned", OBJECTS, **by_type)
def test_a_returned_object_of_fields_says_them(returned: Any) -> None:
    assert as_metrics(returned, "train") == {"loss": 0.5, "accuracy": 0.25}


def test_the_metrics_in_a_tuple_keep_their_order() -> None:
    assert list(as_metrics(({"a": 1, "b": 2}, {"c": 3}), "train") or ()) == ["a", "b", "c"]


def test_the_returned_mapping_is_handed_on_untouched() -> None:
    returned = {"loss": 0.5}
    assert as_metrics(returned, "train") is returned


@pytest.mark.parametrize("make", [evil_items, no_pairs, EvilKeys])
def test_an_evil_mapping_in_a_tuple_is_left_for_clean_to_name(make: Any) -> None:
    evil = make()
    metrics = as_metrics((evil, {"loss": 0.5}), "train")
    assert metrics is not None
    flat, skipped = clean(metrics)
    assert flat["loss"] == 0.5
    assert len(skipped) + len(flat) == 2
    assert type(evil).__name__ in [key.split("/")[0] for key in [*flat, *(one.key for one in skipped)]]


@pytest.mark.parametrize("value", [0.5, "text", [1], (1, 2), None, DataclassMetrics, np.zeros(2)], **by_type)
def test_what_has_no_fields_is_no_mapping(value: Any) -> None:
    assert as_mapping(value) is None


# What JSON can hold


class Color(enum.StrEnum):
    RED = "red"


class Shade(enum.Enum):
    DARK = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (Color.RED, "red"),
        (np.str_("x"), "x"),
        (3, 3),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (Level.LOW, 1),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (np.array([7]), 7),
        (np.array([1, 2]), "[1 2]"),
        (pathlib.PurePosixPath("runs/a"), "runs/a"),
        (Shade.DARK, 1),
        (decimal.Decimal("0.1"), "0.1"),
        (b"bytes", "b'bytes'"),
        (int, "int"),
        ([1, "a", None], [1, "a", None]),
        ((1, (2,)), [1, [2]]),
        ({"b", "c", "a"}, ["a", "b", "c"]),
        (frozenset({1}), [1]),
        ({1: {"a": [np.int64(1)]}}, {"1": {"a": [1]}}),
        (DataclassMetrics(), {"loss": 0.5, "accuracy": 0.25}),
        (NA_INTEGER, "NA_integer_"),
        (np.ma.masked, "--"),
        (np.ma.array(0.5, mask=True), "--"),
        (pd.NA, "<NA>"),
        (EvilStr(), "<EvilStr>"),
        (EvilItem(), None),
        (EvilGetattr(), None),
        (EvilItems(a=1), "{'a': 1}"),
        ([EvilStr(), 1], ["<EvilStr>", 1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_param_is_what_json_can_hold(value: Any, expected: Any) -> None:
    made = plain(value)
    if expected is not None or value is None:
        assert (made, type(made)) == (expected, type(expected))
    assert msgspec.json.decode(msgspec.json.encode(made)) == made


def test_params_that_hold_themselves_end_in_text() -> None:
    loop: list[Any] = [1]
    loop += [loop, {"again": loop}]
    assert plain(loop) == [1, "[1, [...], {'again': [...]}]", {"again": "[1, [...], {'again': [...]}]"}]


def test_params_too_deep_end_in_text() -> None:
    made = plain(nested(100))
    for _ in range(DEPTH + 1):
        made = made["x"]
    assert isinstance(made, str)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@pytest.mark.slow
@given(json_values)
def test_anything_plain_is_plain_for_good(value: Any) -> None:
    made = plain(value)
    assert plain(made) == made


def test_a_scalar_of_arrow_is_a_number_and_its_null_is_none() -> None:
    pa = pytest.importorskip("pyarrow")
    values = {
        "i": pa.scalar(3),
        "f": pa.scalar(0.5),
        "d": pa.scalar(decimal.Decimal("1.5")),
        "n": pa.scalar(None, pa.int64()),
    }
    flat, skipped = clean(values)
    assert flat == {"i": 3.0, "f": 0.5, "d": 1.5}
    assert [key for key, _ in skipped] == ["n"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors")
def test_a_masked_tensor_of_torchs_is_missing_where_its_mask_says_so() -> None:
    masked = pytest.importorskip("torch.masked")
    torch = pytest.importorskip("torch")

    def tensor(*valid: bool) -> Any:
        return masked.masked_tensor(torch.full((len(valid),), 3.0), torch.tensor(valid))

    flat, skipped = clean(
        {"mean": tensor(True, False).mean(), "none": tensor(False, False).mean(), "one": tensor(False)}
    )
    assert flat == {"mean": 3.0}
    assert [why for _, why in skipped] == ["MaskedTensor is no single number (ValueError: it is masked)"] * 2


@pytest.mark.parametrize("missing", [NA_INTEGER, np.ma.masked, np.ma.array(3, mask=True), pd.NA], ids=repr)
def test_what_is_missing_is_no_epoch(missing: Any) -> None:
    assert whole_number(missing) is None


class Metric(str, enum.Enum):  # noqa: UP042  # as many write it
    LOSS = "loss of an enum"


@pytest.mark.parametrize("is_known", [False, True])
def test_an_enums_text_names_a_metric_as_the_text_itself_does(is_known: bool) -> None:
    if is_known:
        clean({"loss of an enum": 0.5})
    assert clean({Metric.LOSS: 0.5}) == ({"loss of an enum": 0.5}, [])


class OnlyEqual:
    """A key that is no text, but is taken for one in a dict, as many write their metrics' names."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return self.name == str(other)

    def __str__(self) -> str:
        return self.name


@pytest.mark.parametrize("value", [0.5, 1])
@pytest.mark.parametrize("key", [Metric.LOSS, OnlyEqual("loss of an enum"), np.str_("loss of an enum")])
def test_a_key_that_equals_a_known_name_becomes_that_text(key: Any, value: float) -> None:
    clean({"loss of an enum": 0.5})
    found, skipped = clean({key: value})
    assert [(type(name), name) for name in found] == [(str, "loss of an enum")]
    assert skipped == []


def test_names_that_somebody_makes_up_at_each_step_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_values, "_KNOWN", 100)
    monkeypatch.setattr(_values, "_good_names", set())
    for step in range(1000):
        flat, _ = clean({f"loss at {step}": 1.0, "https://me:hunter2@host": 2.0})
        assert flat == {f"loss at {step}": 1.0, "https://***@host": 2.0}
    assert len(_values._good_names) <= 101


class Nameless:
    def __str__(self) -> str:
        raise RuntimeError("it has none")


def test_a_name_that_cannot_be_said_is_its_kind() -> None:
    assert clean({Nameless(): 1.0})[0] == {"<Nameless>": 1.0}
