"""Metrics: what happens inside an epoch, gathered to one number for each name."""

import gc
import math
import tracemalloc
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracklib import Metrics, Trackers, TrackerWarning, tracked, tracking
from tracklib._journal.reader import Reader
from tracklib._journal.records import Log

NAN = float("nan")


class Device:
    """Counts what makes a program wait for a device."""

    def __init__(self, has_float64: bool = True) -> None:
        self.waits = 0
        self.has_float64 = has_float64


class Tensor:
    """Behaves as a tensor of torch's does, on a device that counts. ``bits`` is the width of its floats."""

    def __init__(self, values: Any, device: Any, bits: int = 32, history: Any = None) -> None:
        self.values = np.asarray(values, dtype=f"f{bits // 8}")
        self.device, self.bits, self.history = device, bits, history

    def _new(self, values: Any, bits: Any = None) -> Any:
        return Tensor(values, self.device, bits or self.bits, self.history)

    def detach(self) -> Any:
        return Tensor(self.values, self.device, self.bits)

    def reshape(self, shape: Any) -> Any:
        if self.values.size != 1:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {self.values.size}")
        return self if self.values.shape == shape else self._new(self.values.reshape(shape))

    def double(self) -> Any:
        if not self.device.has_float64:
            raise TypeError("this device has no float64")
        return self if self.bits == 64 else self._new(self.values, 64)

    def float(self) -> Any:
        return self if self.bits == 32 else self._new(self.values, 32)

    def clone(self) -> Any:
        return self._new(self.values.copy())

    def clip(self, min: Any = None, max: Any = None) -> Any:
        bounds = [bound.values if isinstance(bound, Tensor) else bound for bound in (min, max)]
        result = self.values
        result = result if bounds[0] is None else np.maximum(result, bounds[0])
        return self._new(result if bounds[1] is None else np.minimum(result, bounds[1]))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Tensor) and other.device is not self.device:
            raise RuntimeError("expected all tensors on the same device")
        return self._new(self.values + (other.values if isinstance(other, Tensor) else other))

    def __mul__(self, other: Any) -> Any:
        return self._new(self.values * (other.values if isinstance(other, Tensor) else other))

    __radd__, __rmul__ = __add__, __mul__

    def item(self) -> Any:
        self.device.waits += 1
        return self.values.item()

    def __float__(self) -> Any:
        return float(self.item())

    def __bool__(self) -> Any:
        return bool(self.item())

    __lt__ = __gt__ = __le__ = __ge__ = __eq__ = __ne__ = lambda self, other: bool(self)
    __hash__: Any = None


def gathered(how: Any, *values: Any, weights: Any = None) -> Any:
    metrics = Metrics({"x": how})
    for value, weight in zip(values, weights or [1] * len(values), strict=True):
        metrics.add({"x": value}, weight=weight)
    return metrics["x"]


# Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", 5 / 6), ("sum", 4.0), ("min", -1.0), ("max", 3.0), ("last", 2.0)]
)
@pytest.mark.parametrize("of", [int, float, np.float32, np.int64, np.array, lambda x: np.array([x])])
def test_values_are_gathered_by_the_word_for_their_name(how: str, expected: Any, of: Any) -> None:
    assert gathered(how, of(3), of(-1), of(2), weights=[2, 3, 1]) == pytest.approx(expected)


def test_a_name_without_a_word_has_its_mean_weighted() -> None:
    metrics = Metrics()
    metrics.add({"loss": 1.0}, weight=3)
    metrics.add({"loss": 5.0}, weight=1)
    assert metrics["loss"] == 2.0


def test_a_batch_that_lacks_a_name_does_not_count_for_it() -> None:
    metrics = Metrics()
    metrics.add({"loss": 1.0, "aux": 4.0}, weight=3)
    metrics.add({"loss": 5.0})
    assert metrics == {"loss": 2.0, "aux": 4.0}


@pytest.mark.parametrize("how", ["mean", "sum", "min", "max"])
@pytest.mark.parametrize("values", [(NAN, 1.0, 2.0), (1.0, NAN, 2.0), (1.0, 2.0, NAN)])
def test_a_nan_makes_all_of_it_nan(how: str, values: Any) -> None:
    assert math.isnan(gathered(how, *values))
    device = Device()
    assert math.isnan(gathered(how, *(Tensor(value, device) for value in values)))


def test_infinities_stay() -> None:
    assert gathered("max", 1.0, math.inf) == math.inf
    assert gathered("min", -math.inf, 1.0) == -math.inf
    assert gathered("sum", math.inf, 1.0) == math.inf


def test_the_last_of_values_is_the_last_even_if_it_is_nan() -> None:
    assert math.isnan(gathered("last", 1.0, NAN))
    assert gathered("last", NAN, 1.0) == 1.0


def test_a_value_that_is_masked_does_not_count() -> None:
    metrics = Metrics()
    metrics.add({"loss": 2.0})
    with pytest.warns(TrackerWarning, match="'loss' is not gathered: .*it is masked"):
        metrics.add({"loss": np.ma.masked})
    assert dict(metrics) == {"loss": 2.0}


def test_a_batch_that_weighs_nothing_does_not_count_in_a_mean() -> None:
    assert gathered("mean", NAN, 2.0, weights=[0, 4]) == 2.0


def test_the_mean_of_batches_that_weigh_nothing_is_nan() -> None:
    assert math.isnan(gathered("mean", 1.0, weights=[0]))


def test_weights_are_fractions_too() -> None:
    assert gathered("mean", 1.0, 3.0, weights=[0.5, 1.5]) == 2.5


@pytest.mark.parametrize("how", ["sum", "min", "max", "last"])
def test_a_weight_is_for_means_only(how: str) -> None:
    assert gathered(how, 2.0, weights=[7]) == 2.0


def test_words_are_for_names_that_are_no_keywords_too() -> None:
    metrics = Metrics({"val/lr": "last"}, grad="max")
    metrics.add({"val/lr": 1, "grad": 5})
    metrics.add({"val/lr": 3, "grad": 4})
    assert dict(metrics) == {"val/lr": 3.0, "grad": 5.0}


def test_nested_names_are_joined() -> None:
    metrics = Metrics({"val/loss": "max"})
    metrics.add({"val": {"loss": 1.0}})
    metrics.add({"val": {"loss": 0.5}})
    assert metrics == {"val/loss": 1.0}


# A mapping ----------------------------------------------------------------------------------------


def test_it_is_a_mapping_in_the_order_of_the_names() -> None:
    metrics = Metrics()
    assert (len(metrics), dict(metrics), repr(metrics)) == (0, {}, "Metrics({})")
    metrics.add({"b": 1, "a": 2})
    assert isinstance(metrics, Mapping)
    assert (list(metrics), len(metrics), "a" in metrics, "c" in metrics) == (["b", "a"], 2, True, False)
    assert repr(metrics) == "Metrics({'b': 1.0, 'a': 2.0})"
    with pytest.raises(KeyError):
        metrics["c"]


def test_it_may_be_read_in_the_middle() -> None:
    metrics = Metrics()
    device = Device()
    seen = []
    for loss in (1.0, 3.0, 8.0):
        metrics.add({"loss": Tensor(loss, device)})
        seen.append(metrics["loss"])
    assert seen == [1.0, 2.0, 4.0]


def logged(run: Trackers) -> Any:
    reader = Reader(f"{run.output_run}/journal.jsonl")
    try:
        return [
            (entry.record.step, entry.record.metrics) for entry in reader.records() if isinstance(entry.record, Log)
        ]
    finally:
        reader.close()


def test_returning_it_from_a_tracked_function_logs_it(tmp_path: Path) -> None:
    @tracked
    def evaluate(epoch: Any) -> Any:
        metrics = Metrics(n="sum")
        for batch in ([1, 2, 3], [4]):
            metrics.add({"loss": sum(batch) / len(batch), "n": len(batch)}, weight=len(batch))
        return metrics

    with tracking(output_run=tmp_path / "run") as t:
        assert isinstance(evaluate(5), Metrics)
        assert logged(t) == [(5, {"loss": 2.5, "n": 4.0})]


def test_it_is_logged_beside_something_else_in_a_tuple(tmp_path: Path) -> None:
    @tracked
    def evaluate(epoch: Any) -> Any:
        metrics = Metrics()
        metrics.add({"loss": 1})
        return "model", metrics

    with tracking(output_run=tmp_path / "run") as t:
        evaluate(0)
        assert logged(t) == [(0, {"loss": 1.0})]


# Tensors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["mean", "sum", "min", "max", "last"])
def test_a_batch_of_tensors_never_waits_for_the_device_and_the_end_waits_once_a_name(tmp_path: Path, how: Any) -> None:
    device = Device()
    metrics = Metrics(a=how, b=how)
    for batch in range(100):
        metrics.add({"a": Tensor(batch, device), "b": Tensor([batch], device)}, weight=2)
        assert device.waits == 0

    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, metrics)
        assert dict(metrics) == {"a": metrics["a"], "b": metrics["b"]}
        ((_, values),) = logged(t)

    assert device.waits == 2
    assert values["a"] == values["b"] == {"mean": 49.5, "sum": 4950, "min": 0, "max": 99, "last": 99}[how]


@pytest.mark.parametrize("how", ["mean", "sum", "min", "max", "last"])
@pytest.mark.parametrize("order", ["tensors first", "numbers first"])
def test_numbers_and_tensors_go_together(how: str, order: str) -> None:
    device = Device()
    values = [Tensor(1.0, device), 3.0, Tensor(2.0, device)]
    values = values if order == "tensors first" else [3.0, Tensor(1.0, device), 2.0]
    expected = {"mean": 2.0, "sum": 6.0, "min": 1.0, "max": 3.0, "last": 2.0}[how]
    assert gathered(how, *values) == expected


def test_a_weight_may_be_a_tensor_that_stays_on_its_device() -> None:
    device = Device()
    metrics = Metrics()
    metrics.add({"loss": Tensor(1.0, device)}, weight=Tensor(3, device))
    metrics.add({"loss": Tensor(5.0, device)}, weight=Tensor(1, device))
    assert device.waits == 0
    assert metrics["loss"] == 2.0
    assert device.waits == 2  # the sum, and the weights


@pytest.mark.parametrize("bits", [16, 32])
def test_a_sum_is_kept_in_double_precision(bits: int) -> None:
    device = Device()
    metrics = Metrics(n="sum")
    metrics.add({"n": float(2**24)})  # in float32, 2 ** 24 + 1 is 2 ** 24
    for _ in range(10):
        metrics.add({"n": Tensor(1, device, bits)})
    assert metrics["n"] == 2**24 + 10


def test_a_device_without_float64_sums_in_float32() -> None:
    device = Device(has_float64=False)
    metrics = Metrics(n="sum")
    for _ in range(3000):
        metrics.add({"n": Tensor(1, device, bits=16)})
    assert metrics["n"] == 3000


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("how", ["sum", "min", "max", "last"])
def test_a_tensor_that_is_written_into_later_keeps_what_it_was(how: Any, bits: int) -> None:
    tensor = Tensor(1.0, Device(), bits)
    metrics = Metrics(x=how)
    metrics.add({"x": tensor})
    tensor.values[...] = 99
    assert metrics["x"] == 1.0


@pytest.mark.slow
def test_a_tensors_history_is_let_go() -> None:
    class Graph:
        alive = 0

        def __init__(self) -> None:
            Graph.alive += 1

        def __del__(self) -> None:
            Graph.alive -= 1

    device, metrics = Device(), Metrics(x="last")
    for batch in range(10):
        metrics.add({"loss": Tensor(batch, device, history=Graph()), "x": Tensor(batch, device, history=Graph())})
    gc.collect()
    assert Graph.alive == 0


@pytest.mark.slow
def test_very_many_batches_take_no_more_memory_than_a_few() -> None:
    device = Device()
    metrics = Metrics(a="max", b="last", c="sum")
    values = {"loss": 1.0, "a": 2, "b": Tensor(3.0, device), "c": Tensor(4.0, device)}
    for _ in range(100):
        metrics.add(values, weight=8)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5_000):
            metrics.add(values, weight=8)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000


@pytest.mark.slow
def test_torchs_own_tensors() -> None:
    torch = pytest.importorskip("torch")
    metrics = Metrics(big="max", small="min", n="sum", lr="last")
    weight = torch.tensor(1.0, requires_grad=True)
    for value in (1.0, 3.0):
        loss = weight * value
        metrics.add({"loss": loss, "big": loss, "small": loss, "n": torch.tensor(2), "lr": loss[None]}, weight=2)
    assert metrics == {"loss": 2.0, "big": 3.0, "small": 1.0, "n": 4.0, "lr": 3.0}


class OnDevice:
    """As an array of JAX's: its value is there when somebody asks for it, which waits for the device."""

    def __init__(self, value: float, asked: list[float]) -> None:
        self._value, self._asked = value, asked

    def devices(self) -> set[str]:
        return {"gpu:0"}

    def reshape(self, shape: tuple[int, ...]) -> "OnDevice":
        return self

    def astype(self, kind: type) -> "OnDevice":
        return self

    def __float__(self) -> float:
        self._asked.append(self._value)
        return self._value

    def __add__(self, other: Any) -> "OnDevice":
        return OnDevice(self._value + getattr(other, "_value", other), self._asked)

    __radd__ = __add__

    def __mul__(self, other: Any) -> "OnDevice":
        return OnDevice(self._value * other, self._asked)

    __rmul__ = __mul__


def test_no_device_is_waited_for_until_the_mean_is_asked_for() -> None:
    asked: list[float] = []
    metrics = Metrics()
    for value in (1.0, 3.0):
        metrics.add({"loss": OnDevice(value, asked)})
    assert asked == []
    assert dict(metrics) == {"loss": 2.0}


def test_jaxs_own_arrays() -> None:
    jnp = pytest.importorskip("jax.numpy")
    metrics = Metrics(big="max", small="min", n="sum", lr="last")
    for value in (1.0, 3.0):
        loss = jnp.asarray(value)
        metrics.add({"loss": loss, "big": loss, "small": loss, "n": jnp.asarray(2), "lr": loss[None]}, weight=2)
    assert metrics == {"loss": 2.0, "big": 3.0, "small": 1.0, "n": 4.0, "lr": 3.0}


# What is no number --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("text", "str is no number"),
        (None, "NoneType is no number"),
        ([1, 2], "list is no number"),
        (np.zeros(3), "ndarray is no single number"),
        (Tensor([1, 2], Device()), "Tensor is no single number"),
        (10**400, "int is no single number"),
    ],
)
def test_what_is_no_single_number_costs_its_own_key_only_and_is_warned_of_once(value: Any, why: str) -> None:
    metrics = Metrics()
    with pytest.warns(TrackerWarning, match=f"'bad' is not gathered: {why}") as warned:
        for _ in range(3):
            metrics.add({"loss": 1.0, "bad": value, "accuracy": 0.5})
    assert dict(metrics) == {"loss": 1.0, "accuracy": 0.5}
    assert len(warned) == 1
    assert warned[0].filename == __file__


def test_a_tensor_of_another_device_costs_its_own_batch_only() -> None:
    metrics = Metrics()
    metrics.add({"loss": Tensor(1.0, Device())})
    with pytest.warns(TrackerWarning, match="'loss' is not gathered: expected all tensors on the same device"):
        metrics.add({"loss": Tensor(9.0, Device()), "other": 1})
    assert metrics == {"loss": 1.0, "other": 1.0}


def test_a_mapping_that_holds_itself_costs_its_own_key_only() -> None:
    values: dict[str, Any] = {"loss": 1.0}
    values["self"] = values
    metrics = Metrics()
    with pytest.warns(TrackerWarning, match="holds itself"):
        metrics.add(values)
    assert metrics == {"loss": 1.0}


@pytest.mark.parametrize("values", [None, 1.0, [("loss", 1)], "loss"])
def test_values_that_are_no_mapping_are_refused(values: Any) -> None:
    with pytest.raises(TypeError, match="values must map names to numbers, as {'loss': loss}; got"):
        Metrics().add(values)


@pytest.mark.parametrize("weight", [-1, NAN, math.inf, "8", None, np.zeros(2), [1]])
def test_a_weight_that_is_no_size_is_refused_and_nothing_is_gathered(weight: Any) -> None:
    metrics = Metrics()
    with pytest.raises(ValueError, match="weight must be a finite number from 0 on: the batch's size"):
        metrics.add({"loss": 1.0}, weight=weight)
    assert dict(metrics) == {}


@pytest.mark.parametrize("how", ["average", "", None, 1, ["mean"]])
def test_another_word_is_refused(how: Any) -> None:
    with pytest.raises(ValueError, match=r"loss=.* must be one of mean, sum, min, max, last"):
        Metrics(loss=how)


def test_nothing_is_warned_of_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = Metrics()
        metrics.add({})
        metrics.add({"a": True, "b": np.float16(1)}, weight=np.int32(4))
    assert metrics == {"a": 1.0, "b": 1.0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors")
@pytest.mark.parametrize("how", ["mean", "sum", "min", "max", "last"])
def test_a_masked_tensor_of_torchs_does_not_count_either(how: Any) -> None:
    masked = pytest.importorskip("torch.masked")
    torch = pytest.importorskip("torch")
    metrics = Metrics(loss=how)
    with pytest.warns(TrackerWarning, match="'loss' is not gathered: .*it is masked"):
        for valid in (True, False):
            metrics.add({"loss": masked.masked_tensor(torch.tensor(3.0), torch.tensor(valid))}, weight=2)
    assert dict(metrics) == {"loss": 3.0}
