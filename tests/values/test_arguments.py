"""What a user hands in: params of every kind, and a call's arguments as params."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import decimal
import enum
import functools
import pathlib
import types
from collections.abc import Callable
from typing import Any

import attrs
import msgspec
import numpy as np
import pydantic
import pytest
from omegaconf import MISSING, OmegaConf

from tracklib._values.arguments import arguments_of, as_params

EXPECTED = {"lr": 0.1, "net": {"depth": 3, "act": "relu"}, "betas": [0.9, 0.99]}


@dataclasses.dataclass
class NetDataclass:
    depth: int = 3
    act: str = "relu"


@dataclasses.dataclass
class Dataclass:
    lr: float = 0.1
    net: NetDataclass = dataclasses.field(default_factory=NetDataclass)
    betas: tuple[float, float] = (0.9, 0.99)


class NetPydantic(pydantic.BaseModel):
    depth: int = 3
    act: str = "relu"


class Pydantic(pydantic.BaseModel):
    lr: float = 0.1
    net: NetPydantic = NetPydantic()
    betas: tuple[float, float] = (0.9, 0.99)


class Open(pydantic.BaseModel, extra="allow"):
    lr: float


@attrs.define
class Attrs:
    lr: float = 0.1
    net: NetDataclass = attrs.Factory(NetDataclass)
    betas: tuple[float, float] = (0.9, 0.99)


class Struct(msgspec.Struct):
    lr: float = 0.1
    net: NetDataclass = msgspec.field(default_factory=NetDataclass)
    betas: tuple[float, float] = (0.9, 0.99)


Named = collections.namedtuple("Named", "lr net betas")


@pytest.mark.parametrize(
    "params",
    [
        EXPECTED,
        types.MappingProxyType(EXPECTED),
        collections.ChainMap[str, Any]({"lr": 0.1}, EXPECTED),
        Dataclass(),
        argparse.Namespace(lr=0.1, net=argparse.Namespace(depth=3, act="relu"), betas=[0.9, 0.99]),
        types.SimpleNamespace(lr=0.1, net=types.SimpleNamespace(depth=3, act="relu"), betas=[0.9, 0.99]),
        OmegaConf.create(EXPECTED),
        OmegaConf.structured(Dataclass),
        Pydantic(),
        Open.model_validate({"lr": 0.1, "net": {"depth": 3, "act": "relu"}, "betas": [0.9, 0.99]}),
        Attrs(),
        Struct(),
        Named(0.1, NetDataclass(), collections.deque([0.9, 0.99])),
    ],
    ids=lambda params: type(params).__name__,
)
def test_params_of_every_kind_mean_the_same(params: Any) -> None:
    assert dict(sorted(as_params(params).items())) == dict(sorted(EXPECTED.items()))


def test_omegaconf_is_resolved() -> None:
    assert as_params(OmegaConf.create({"width": 8, "net": {"depth": "${width}", "sizes": ["${width}", 2]}})) == {
        "width": 8,
        "net": {"depth": 8, "sizes": [8, 2]},
    }


@pytest.mark.parametrize(
    ("broken", "shown"), [(MISSING, "<MissingMandatoryValue>"), ("${nowhere}", "<InterpolationKeyError>")]
)
def test_what_omegaconf_cannot_give_costs_its_own_name_only(broken: str, shown: str) -> None:
    params = as_params(OmegaConf.create({"lr": 0.1, "net": {"depth": broken, "width": 8}}))
    assert params == {"lr": 0.1, "net": {"depth": shown, "width": 8}}


@pytest.mark.parametrize(
    "params",
    [
        {"net": {"api_key": "abc123"}},
        argparse.Namespace(net=argparse.Namespace(api_key="abc123")),
        OmegaConf.create({"net": {"api_key": "abc123"}}),
        pydantic.create_model("Settings", net=(dict[str, str], ...))(net={"api_key": "abc123"}),
    ],
    ids=lambda params: type(params).__name__,
)
def test_a_secret_is_masked_however_deep_it_lies(params: Any) -> None:
    assert as_params(params) == {"net": {"api_key": "***"}}


def test_pydantics_secrets_stay_masked() -> None:
    model = pydantic.create_model("Settings", word=(pydantic.SecretStr, ...))(word="abc123")
    assert "abc123" not in str(as_params(model))


def test_very_many_and_very_long_params_are_kept_whole() -> None:
    params = {f"p{i}": {"text": "x" * 20_000} for i in range(45)}
    assert as_params(params) == params


def test_scalars_of_any_package_are_numbers() -> None:
    assert as_params({"a": np.float32(0.5), "b": np.int64(3), "c": np.array(2), "d": True, "e": None}) == {
        "a": 0.5, "b": 3, "c": 2, "d": True, "e": None
    }  # fmt: skip


@pytest.mark.parametrize("wrong", ["lr=1", 5, None, ["lr"], True, Dataclass])
def test_what_maps_no_names_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="params must map names to values, as {'lr': 0.1}; got"):
        as_params(wrong)


# The arguments of a call --------------------------------------------------------------------------


def of_call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    return arguments_of(function, args, kwargs)


def plain_function(lr: float, /, layers: int = 3, *rest: Any, act: str = "relu", **options: Any) -> None: ...


class Model:
    """Has a text that would take long to make."""

    def __str__(self) -> str:
        raise AssertionError("it is too big to be shown")

    __repr__ = __str__

    def fit(self, lr: float, epochs: int = 2) -> None: ...

    @classmethod
    def made(cls, lr: float) -> None: ...

    @staticmethod
    def loose(lr: float) -> None: ...

    def __call__(self, lr: float) -> None: ...


def test_arguments_have_their_names_and_defaults_are_among_them() -> None:
    assert of_call(plain_function, 0.1) == {"lr": 0.1, "layers": 3, "rest": [], "act": "relu"}


def test_rest_arguments_are_a_list_and_rest_keywords_have_their_own_names() -> None:
    given = of_call(plain_function, 0.1, 4, "a", 5, act="gelu", momentum=0.9)
    assert given == {"lr": 0.1, "layers": 4, "rest": ["a", 5], "act": "gelu", "momentum": 0.9}


@pytest.mark.parametrize("function", [Model().fit, functools.partial(Model().fit, epochs=2)])
def test_a_methods_object_is_no_argument(function: Callable[..., Any]) -> None:
    assert of_call(function, 0.1) == {"lr": 0.1, "epochs": 2}


@pytest.mark.parametrize("function", [Model.made, Model.loose, Model()])
def test_nor_is_a_class(function: Callable[..., Any]) -> None:
    assert of_call(function, 0.1) == {"lr": 0.1}


def shown(value: Any) -> Any:
    return of_call(lambda x: None, value)["x"]


class Color(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Model(), "Model"),
        (np.zeros((3, 3)), "ndarray"),
        (b"\0" * 1000, "bytes"),
        (Model, "Model"),
        (Model.fit, "Model.fit"),
        (len, "len"),
        (list(range(1000)), "list"),
        (dict.fromkeys(range(1000)), "dict"),
        ({"train": np.zeros(3), "model": Model(), "lr": 1}, {"train": "ndarray", "model": "Model", "lr": 1}),
        (argparse.Namespace(model=Model(), lr=1), {"model": "Model", "lr": 1}),
        ([Model(), 1, "a"], ["Model", 1, "a"]),
        (OmegaConf.create({"a": [1, 2]}), {"a": [1, 2]}),
        (OmegaConf.create({"a": MISSING, "b": 1}), {"a": "<MissingMandatoryValue>", "b": 1}),
        (range(3), [0, 1, 2]),
        ({1}, [1]),
        (np.float32(0.5), 0.5),
        (np.array([2]), 2),
        (decimal.Decimal("0.5"), decimal.Decimal("0.5")),
        (Color.RED, Color.RED),
        (pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("a/b")),
        (None, None),
        ("x" * 1000, "x" * 1000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_that_is_no_value_is_shown_by_what_it_is(value: Any, expected: Any) -> None:
    assert shown(value) == expected


def test_a_list_that_holds_itself_is_followed_only_so_deep() -> None:
    values: list[Any] = [1]
    values.append(values)
    assert shown(values)[0] == 1


def test_the_argument_that_tells_the_epoch_may_be_left_out() -> None:
    assert arguments_of(plain_function, (0.1,), {"epoch": 3}, without="epoch") == of_call(plain_function, 0.1)


def test_a_call_that_is_wrong_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="missing a required"):
        of_call(plain_function)


class Net:
    @classmethod
    def built(cls, depth: int, act: str = "relu") -> None: ...

    @staticmethod
    def of(kind: type, depth: int = 1) -> None: ...


def test_the_class_of_a_class_method_is_none_of_its_arguments_however_python_hands_it_over() -> None:
    assert arguments_of(Net.built, (3,), {}) == {"depth": 3, "act": "relu"}
    assert arguments_of(vars(Net)["built"].__func__, (Net, 3), {}) == {"depth": 3, "act": "relu"}  # from 3.13 on
    assert set(arguments_of(Net.of, (Net,), {})) == {"kind", "depth"}
