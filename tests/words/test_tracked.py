"""tracked: what a function returns is logged, and the function stays itself."""

import asyncio
import collections
import contextlib
import contextvars
import copy
import dataclasses
import functools
import inspect
import math
import multiprocessing
import pickle
import sys
import threading
import traceback
import types
import typing
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from kept import logged, records

from tracklib import Trackers, TrackerWarning, tracked, tracking
from tracklib._journal.records import Log, Params


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    with tracking(output_run=tmp_path / "run") as t:
        yield t


# Module-level, as they must be to pickle


@tracked
def train_epoch(model: Any, data: Any, epoch: Any) -> dict[str, Any]:
    """Train once."""
    return {"loss": model + data}


@tracked
def bare_plain(x: Any, epoch: Any = None) -> dict[str, Any]:
    return {"x": x}


class Trainer:
    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    @tracked
    def step(self, x: Any, epoch: Any) -> dict[str, Any]:
        """One step."""
        return {"step": self.scale * x}

    @tracked
    @classmethod
    def outer_class(cls, x: Any, epoch: Any) -> dict[str, Any]:
        return {cls.__name__: x}

    @classmethod
    @tracked
    def inner_class(cls, x: Any, epoch: Any) -> dict[str, Any]:
        return {cls.__name__: x}

    @tracked
    @staticmethod
    def outer_static(x: Any, epoch: Any) -> dict[str, Any]:
        return {"static": x}

    @staticmethod
    @tracked
    def inner_static(x: Any, epoch: Any) -> dict[str, Any]:
        return {"static": x}

    @tracked
    async def arun(self, x: Any, epoch: Any) -> dict[str, Any]:
        return {"arun": x}

    @tracked
    def steps(self, n: Any, epoch: Any) -> Iterator[dict[str, Any]]:
        for i in range(n):
            yield {"i": i}

    @tracked
    def __call__(self, x: Any, epoch: Any) -> dict[str, Any]:
        return {"called": x}


class SubTrainer(Trainer):
    @tracked
    def step(self, x: Any, epoch: Any) -> dict[str, Any]:
        return {"sub": super().step(x, epoch)["step"]}


# The four kinds ---------------------------------------------------------------------------------


def test_a_bare_decorator_logs_the_returned_dict_at_the_epoch(run: Trackers) -> None:
    assert train_epoch(1, 2, 7) == {"loss": 3}
    assert logged(run) == [(7, {"loss": 3.0})]


def test_empty_parentheses_mean_the_same(run: Trackers) -> None:
    @tracked()
    def f(epoch: Any) -> dict[str, float]:
        return {"a": 1}

    f(4)
    assert logged(run) == [(4, {"a": 1.0})]


def test_a_coroutine_function_is_logged_when_its_result_is_there(run: Trackers) -> None:
    gate = []

    @tracked
    async def f(epoch: Any) -> dict[str, Any]:
        gate.append(logged(run))
        await asyncio.sleep(0)
        gate.append(logged(run))
        return {"a": epoch}

    assert asyncio.run(f(3)) == {"a": 3}
    assert gate == [[], []]
    assert logged(run) == [(3, {"a": 3.0})]


def test_each_yielded_dict_of_a_generator_is_logged_as_it_comes(run: Trackers) -> None:
    @tracked
    def f(n: Any, epoch: Any = None) -> Iterator[dict[str, Any]]:
        for i in range(n):
            yield {"i": i}

    seen = [len(logged(run)) for _ in f(3)]
    assert seen == [1, 2, 3]
    assert logged(run) == [(0, {"i": 0.0}), (1, {"i": 1.0}), (2, {"i": 2.0})]


def test_each_yielded_dict_of_an_async_generator_is_logged_as_it_comes(run: Trackers) -> None:
    @tracked
    async def f(n: Any, epoch: Any) -> AsyncIterator[dict[str, Any]]:
        for i in range(n):
            await asyncio.sleep(0)
            yield {"i": i}

    async def main() -> Any:
        return [len(logged(run)) async for _ in f(2, 5)]

    assert asyncio.run(main()) == [1, 2]
    assert logged(run) == [(5, {"i": 0.0}), (5, {"i": 1.0})]


@pytest.mark.parametrize("call", [
    lambda: Trainer().step(2, 9),
    lambda: Trainer.step(Trainer(), 2, 9),
    lambda: Trainer().step(x=2, epoch=9),
    lambda: Trainer.outer_class(2, 9),
    lambda: Trainer().outer_class(2, 9),
    lambda: Trainer.inner_class(2, 9),
    lambda: Trainer().inner_class(2, epoch=9),
    lambda: Trainer.outer_static(2, 9),
    lambda: Trainer().outer_static(2, 9),
    lambda: Trainer.inner_static(2, 9),
    lambda: Trainer().inner_static(2, 9),
    lambda: Trainer()(2, 9),
    lambda: asyncio.run(Trainer().arun(2, 9)),
])  # fmt: skip
def test_methods_of_every_kind_find_their_epoch(run: Trackers, call: Any) -> None:
    (value,) = call().values()
    assert value == 2
    ((epoch, metrics),) = logged(run)
    assert (epoch, list(metrics.values())) == (9, [2.0])


def test_a_generator_method_finds_its_epoch(run: Trackers) -> None:
    assert list(Trainer().steps(2, 9)) == [{"i": 0}, {"i": 1}]
    assert [epoch for epoch, _ in logged(run)] == [9, 9]


def test_a_class_method_gets_the_subclass(run: Trackers) -> None:
    assert SubTrainer.outer_class(1, 0) == {"SubTrainer": 1}
    assert SubTrainer.inner_class(1, 0) == {"SubTrainer": 1}


def test_a_method_and_the_one_it_overrides_are_both_logged(run: Trackers) -> None:
    SubTrainer(3).step(2, 1)
    assert logged(run) == [(1, {"step": 6.0}), (1, {"sub": 6.0})]


class Model:
    def forward(self, epoch: Any, x: Any) -> dict[str, Any]:
        return {"forward": x}


def test_a_method_that_is_bound_already_finds_its_epoch(run: Trackers) -> None:
    tracked(Model().forward)(7, 99)
    assert logged(run) == [(7, {"forward": 99.0})]


class CallableObject:
    def __call__(self, x: Any, epoch: Any) -> dict[str, Any]:
        return {"object": x}


class AsyncCallable:
    async def __call__(self, x: Any, epoch: Any) -> dict[str, Any]:
        return {"object": x}


class GeneratorCallable:
    def __call__(self, x: Any, epoch: Any) -> Iterator[dict[str, Any]]:
        yield {"object": x}


class AsyncGeneratorCallable:
    async def __call__(self, x: Any, epoch: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"object": x}


async def collected(iterator: Any) -> Any:
    return [item async for item in iterator]


@pytest.mark.parametrize(("make", "drain"), [
    (CallableObject, lambda result: result),
    (AsyncCallable, asyncio.run),
    (GeneratorCallable, list),
    (AsyncGeneratorCallable, lambda result: asyncio.run(collected(result))),
])  # fmt: skip
def test_a_callable_object_of_each_kind_is_logged(run: Trackers, make: Any, drain: Any) -> None:
    drain(tracked(make())(2, 8))
    assert logged(run) == [(8, {"object": 2.0})]


def with_three(model: Any, x: Any, epoch: Any) -> dict[str, Any]:
    return {"x": x}


@pytest.mark.parametrize("call", [
    lambda: tracked(functools.partial(with_three, 0))(1, 6),
    lambda: tracked(functools.partial(with_three, 0, epoch=6))(1),
    lambda: tracked(functools.partial(with_three, 0, epoch=5))(1, epoch=6),
    lambda: tracked(functools.partial(with_three, 0, 1, 6))(),
    lambda: tracked(functools.partial(functools.partial(with_three, 0), 1))(6),
])  # fmt: skip
def test_a_partial_finds_its_epoch(run: Trackers, call: Any) -> None:
    call()
    assert logged(run) == [(6, {"x": 1.0})]


def test_a_partial_of_a_coroutine_function_is_awaited(run: Trackers) -> None:
    async def f(x: Any, epoch: Any) -> dict[str, Any]:
        return {"x": x}

    asyncio.run(tracked(functools.partial(f, 1))(2))
    assert logged(run) == [(2, {"x": 1.0})]


def test_a_lambda_is_logged(run: Trackers) -> None:
    tracked(lambda epoch: {"a": 1})(3)
    assert logged(run) == [(3, {"a": 1.0})]


def test_a_nested_function_keeps_its_closure(run: Trackers) -> None:
    total = 10

    @tracked
    def inner(x: Any, epoch: Any) -> dict[str, Any]:
        nonlocal total
        total += x
        return {"total": total}

    inner(5, 0)
    assert total == 15
    assert logged(run) == [(0, {"total": 15.0})]


def test_a_builtin_is_logged_under_its_name(run: Trackers) -> None:
    assert tracked(math.sqrt)(4) == 2.0
    assert logged(run) == [(0, {"sqrt": 2.0})]


def test_a_tracked_function_can_be_tracked_by_another_decorator(run: Trackers) -> None:
    def twice(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            function(*args, **kwargs)
            return function(*args, **kwargs)

        return wrapper

    @twice
    @tracked
    def f(epoch: Any) -> dict[str, float]:
        return {"a": 1}

    f(1)
    assert logged(run) == [(1, {"a": 1.0})] * 2


def test_what_a_tracked_function_logged_is_not_logged_again_by_the_one_that_called_it(run: Trackers) -> None:
    @tracked
    def evaluate(epoch: Any) -> dict[str, Any]:
        return {"val_loss": np.float32(0.5), "val_acc": 1}

    @tracked
    def train(epoch: Any) -> dict[str, Any]:
        return {"loss": 0.25, **evaluate(epoch)}

    @tracked
    def main(epoch: Any) -> dict[str, Any]:
        metrics = train(epoch)
        metrics["late"] = 2
        return metrics

    assert main(3) == {"loss": 0.25, "val_loss": 0.5, "val_acc": 1, "late": 2}
    assert logged(run) == [(3, {"val_loss": 0.5, "val_acc": 1.0}), (3, {"loss": 0.25}), (3, {"late": 2.0})]


def test_what_it_returns_of_another_value_or_at_another_step_is_logged(run: Trackers) -> None:
    @tracked
    def inner(epoch: Any) -> dict[str, Any]:
        return {"a": epoch, "b": 1}

    @tracked
    def outer(epoch: Any) -> dict[str, Any]:
        return {**inner(epoch), "a": -1}

    @tracked
    def total(epoch: Any) -> dict[str, Any]:
        return inner(epoch - 1)

    outer(3)
    total(5)
    inner(5)
    assert logged(run) == [
        (3, {"a": 3.0, "b": 1.0}),
        (3, {"a": -1.0}),
        (4, {"a": 4.0, "b": 1.0}),
        (5, {"a": 4.0, "b": 1.0}),
        (5, {"a": 5.0, "b": 1.0}),
    ]


def test_what_was_heard_before_is_not_forgotten_for_what_is_heard_in_a_call_between(run: Trackers) -> None:
    @tracked
    def leaf(epoch: Any) -> dict[str, Any]:
        return {"leaf": 1}

    @tracked
    def first(epoch: Any) -> dict[str, Any]:
        return {"first": 2}

    @tracked
    def between(epoch: Any) -> dict[str, Any]:
        leaf(epoch)
        return {"between": 3}

    @tracked
    def whole(epoch: Any) -> dict[str, Any]:
        return {**first(epoch), **between(epoch), "leaf": 1, "whole": 4}

    whole(0)
    assert logged(run) == [(0, {"first": 2.0}), (0, {"leaf": 1.0}), (0, {"between": 3.0}), (0, {"whole": 4.0})]


def test_so_it_is_of_coroutines_and_generators_and_of_tasks_among_them(run: Trackers) -> None:
    @tracked
    async def later(epoch: Any, name: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {name: 1}

    @tracked
    async def both(epoch: Any) -> dict[str, Any]:
        one, two = await asyncio.gather(later(epoch, "one"), later(epoch, "two"))
        return {**one, **two}

    @tracked
    def batches(epoch: Any) -> Iterator[dict[str, Any]]:
        yield bare_plain(1, epoch)
        yield bare_plain(2, epoch)

    asyncio.run(both(0))
    assert logged(run) == [(0, {"one": 1.0}), (0, {"two": 1.0})]
    list(batches(1))
    bare_plain(2, 1)  # the generator is over: nothing is inside of it
    assert logged(run)[2:] == [(1, {"x": 1.0}), (1, {"x": 2.0}), (1, {"x": 2.0})]


def test_a_prefix_stands_before_each_name_so_that_one_function_serves_for_validation_and_test(run: Trackers) -> None:
    def evaluate(epoch: Any) -> Any:
        return "model", {"loss": 0.5, "top": {5: 0.25}, 1: 2}

    tracked(prefix="val/")(evaluate)(0)
    tracked(prefix="test_")(evaluate)(0)
    tracked(prefix="val/")(math.sqrt)(4)
    assert logged(run) == [
        (0, {"val/loss": 0.5, "val/top/5": 0.25, "val/1": 2.0}),
        (0, {"test_loss": 0.5, "test_top/5": 0.25, "test_1": 2.0}),
        (0, {"val/sqrt": 2.0}),
    ]
    with pytest.raises(TypeError, match="prefix must be text, as 'val/'; got 3"):
        tracked(prefix=cast(Any, 3))


def test_recursion_logs_each_level_from_the_inside_out(run: Trackers) -> None:
    @tracked
    def f(depth: Any, epoch: Any) -> dict[str, Any]:
        if depth:
            f(depth - 1, epoch)
        return {"depth": depth}

    f(2, 4)
    assert logged(run) == [(4, {"depth": 0.0}), (4, {"depth": 1.0}), (4, {"depth": 2.0})]


# A generator stays one: tracked and bare behave alike ------------------------------------------


def talkative(trace: Any) -> Generator[dict[str, Any], Any, Any]:
    """Echoes what is sent, survives a thrown ValueError, returns at "stop"."""
    got = None
    try:
        while True:
            try:
                got = yield {"got": len(trace)}
                trace.append(got)
            except ValueError as error:
                trace.append(error)
            if got == "stop":
                return "the return value"
    finally:
        trace.append("closed")


def drive_talkative(function: Any) -> Any:
    trace: list[Any] = []
    boom = ValueError("boom")
    generator = function(trace)
    answers = [next(generator), generator.send("a"), generator.throw(boom)]
    with pytest.raises(StopIteration) as stop:
        generator.send("stop")
    assert trace[1] is boom
    return answers, [str(item) for item in trace], stop.value.value


def test_send_throw_and_the_return_value_pass_through_a_generator(run: Trackers) -> None:
    assert drive_talkative(tracked(talkative)) == drive_talkative(talkative)
    assert len(logged(run)) == 3


def test_yield_from_a_tracked_generator_gives_its_return_value(run: Trackers) -> None:
    def outer() -> Generator[Any, Any, Any]:
        return (yield from tracked(talkative)([]))

    generator = outer()
    next(generator)
    with pytest.raises(StopIteration) as stop:
        generator.send("stop")
    assert stop.value.value == "the return value"


def test_closing_a_generator_runs_its_cleanup_at_once() -> None:
    trace: list[Any] = []
    generator: Any = tracked(talkative)(trace)
    next(generator)
    assert generator.close() is None
    assert trace == ["closed"]


def test_an_early_break_runs_the_cleanup_and_keeps_what_was_logged(run: Trackers) -> None:
    trace: list[Any] = []
    for _ in tracked(talkative)(trace):
        break
    assert trace == ["closed"]
    assert len(logged(run)) == 1


def ignores_exit() -> Iterator[int]:
    try:
        yield 1
    except GeneratorExit:
        yield 2


@pytest.mark.parametrize("function", [ignores_exit, tracked(ignores_exit)], ids=["bare", "tracked"])
def test_a_generator_that_swallows_generator_exit_errors_as_it_does_bare(function: Any) -> None:
    generator = function()
    next(generator)
    with pytest.raises(RuntimeError, match="^generator ignored GeneratorExit$"):
        generator.close()
    assert next(generator, "over") == "over"


def raises_on_close() -> Generator[int, None, None]:
    try:
        yield 1
    finally:
        raise OSError("on close")


def test_an_exception_on_close_comes_out_of_close() -> None:
    generator = tracked(raises_on_close)()
    next(generator)
    with pytest.raises(OSError, match="on close"):
        generator.close()


def test_an_exception_that_a_generator_does_not_catch_is_the_one_thrown() -> None:
    boom = LookupError("boom")

    @tracked
    def f() -> Generator[int, None, None]:
        yield 1

    generator = f()
    next(generator)
    with pytest.raises(LookupError) as caught:
        generator.throw(boom)
    assert caught.value is boom
    assert list(generator) == []


def test_a_generator_that_was_not_started_runs_nothing_when_closed() -> None:
    trace: list[Any] = []
    tracked(talkative)(trace).close()
    assert trace == []


def test_a_generator_does_not_run_before_it_is_asked() -> None:
    started = []

    @tracked
    def f() -> Iterator[None]:
        started.append(1)
        yield

    f()
    assert started == []


async def async_talkative(trace: Any) -> AsyncGenerator[dict[str, Any], Any]:
    got = None
    try:
        while got != "stop":
            try:
                got = yield {"got": len(trace)}
                trace.append(got)
            except ValueError as error:
                trace.append(error)
    finally:
        await asyncio.sleep(0)
        trace.append("closed")


async def drive_async_talkative(function: Any) -> Any:
    trace: list[Any] = []
    boom = ValueError("boom")
    generator = function(trace)
    answers = [await anext(generator), await generator.asend("a"), await generator.athrow(boom)]
    with pytest.raises(StopAsyncIteration):
        await generator.asend("stop")
    assert trace[1] is boom
    return answers, [str(item) for item in trace]


def test_asend_and_athrow_pass_through_an_async_generator(run: Trackers) -> None:
    assert asyncio.run(drive_async_talkative(tracked(async_talkative))) == asyncio.run(
        drive_async_talkative(async_talkative)
    )
    assert len(logged(run)) == 3


def test_aclose_runs_an_async_generators_cleanup_at_once() -> None:
    async def main() -> Any:
        trace: list[Any] = []
        generator = tracked(async_talkative)(trace)
        await anext(generator)
        await generator.aclose()
        return trace

    assert asyncio.run(main()) == ["closed"]


@pytest.mark.parametrize("wrap", [lambda function: function, tracked], ids=["bare", "tracked"])
def test_an_async_generator_that_swallows_generator_exit_errors_as_it_does_bare(wrap: Any) -> None:
    async def yields_after_its_end() -> AsyncIterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    stubborn = wrap(yields_after_its_end)

    async def main() -> None:
        generator = stubborn()
        await anext(generator)
        await generator.aclose()

    with pytest.raises(RuntimeError, match="async generator ignored GeneratorExit"):
        asyncio.run(main())


# Exceptions pass unchanged ----------------------------------------------------------------------


def frames_of(error: Any) -> Any:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_an_exception_is_the_same_object_and_its_own_frame_is_the_last(run: Trackers) -> None:
    boom = RuntimeError("boom")

    @tracked
    def f(epoch: Any) -> None:
        raise boom

    with pytest.raises(RuntimeError) as caught:
        f(1)
    assert caught.value is boom
    assert boom.__cause__ is None
    assert boom.__context__ is None
    assert frames_of(boom)[-1] == "f"
    assert len(frames_of(boom)) <= 3
    assert not hasattr(boom, "__notes__")
    assert logged(run) == []


def test_an_exception_of_each_kind_passes_with_its_own_frame_last(run: Trackers) -> None:
    boom = KeyboardInterrupt()

    @tracked
    async def coroutine() -> None:
        raise boom

    @tracked
    def generator() -> Iterator[dict[str, Any]]:
        yield {}
        raise boom

    @tracked
    async def async_generator() -> AsyncIterator[dict[str, Any]]:
        yield {}
        raise boom

    for call in (
        lambda: coroutine().send(None),
        lambda: list(generator()),
        lambda: collected(async_generator()).send(None),
    ):
        boom.__traceback__ = None
        with pytest.raises(KeyboardInterrupt) as caught:
            call()
        assert caught.value is boom
        assert frames_of(boom)[-1] in ("coroutine", "generator", "async_generator")


def test_wrong_arguments_raise_the_functions_own_error() -> None:
    with pytest.raises(TypeError, match=r"train_epoch\(\) missing 2 required positional arguments"):
        cast(Any, train_epoch)(1)


# Which epoch ------------------------------------------------------------------------------------


def test_the_epoch_is_taken_by_position_by_keyword_and_by_default(run: Trackers) -> None:
    @tracked
    def f(x: Any, epoch: int = 5, y: int = 0) -> dict[str, Any]:
        return {"x": x}

    f(1, 2)
    f(1, epoch=3)
    f(1)
    f(epoch=4, x=1)
    assert [epoch for epoch, _ in logged(run)] == [2, 3, 5, 4]


def test_a_keyword_only_epoch_is_not_looked_for_among_the_positions(run: Trackers) -> None:
    @tracked
    def f(*values: Any, epoch: int = 6) -> dict[str, Any]:
        return {"n": len(values)}

    f(10, 20, 30, 40, epoch=7)
    f(10, 20, 30, 40)
    assert [epoch for epoch, _ in logged(run)] == [7, 6]


def test_an_epoch_among_keyword_arguments_is_found(run: Trackers) -> None:
    @tracked
    def f(**options: Any) -> dict[str, float]:
        return {"n": 1}

    f(epoch=8)
    assert logged(run) == [(8, {"n": 1.0})]


def test_without_an_epoch_argument_a_function_counts_its_own_calls(run: Trackers) -> None:
    @tracked
    def f() -> dict[str, float]:
        return {"f": 1}

    @tracked
    def g() -> dict[str, float]:
        return {"g": 1}

    f(), f(), g(), f()
    assert logged(run) == [(0, {"f": 1.0}), (1, {"f": 1.0}), (0, {"g": 1.0}), (2, {"f": 1.0})]


@pytest.mark.parametrize("call", [lambda f: f(None), lambda f: f(epoch=None)], ids=["position", "keyword"])
def test_none_as_the_epoch_counts_whatever_the_default(run: Trackers, call: Any) -> None:
    @tracked
    def f(epoch: int = 5) -> dict[str, float]:
        return {"f": 1}

    call(f), call(f)
    assert [epoch for epoch, _ in logged(run)] == [0, 1]


def test_each_run_counts_from_zero(tmp_path: Path) -> None:
    @tracked
    def f() -> dict[str, float]:
        return {"f": 1}

    for name in ("a", "b"):
        with tracking(output_run=tmp_path / name) as t:
            f(), f()
        assert [epoch for epoch, _ in logged(t)] == [0, 1]


def test_the_option_names_the_epochs_argument(run: Trackers) -> None:
    @tracked(epoch="step")
    def f(epoch: Any, step: Any) -> dict[str, float]:
        return {"f": 1}

    f(1, 20)
    f(1, step=30)
    assert [epoch for epoch, _ in logged(run)] == [20, 30]


@pytest.mark.parametrize(("function", "message"), [
    (lambda model, batch: None, r"<lambda> has no argument 'step'; it has model, batch"),
    (lambda: None, r"<lambda> has no argument 'step'; it has none"),
    (functools.partial(with_three, 1), r"with_three has no argument 'step'; it has x, epoch"),
    (CallableObject(), r"CallableObject has no argument 'step'; it has x, epoch"),
    (staticmethod(with_three), r"with_three has no argument 'step'; it has model, x, epoch"),
])  # fmt: skip
def test_an_option_that_names_no_argument_is_refused_with_the_arguments(function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tracked(epoch="step")(function)


@pytest.mark.parametrize("epoch", [np.int64(3), np.array(3), 3.0, True + 2])
def test_an_epoch_of_any_package_is_a_whole_number(run: Trackers, epoch: Any) -> None:
    bare_plain(1, epoch)
    assert logged(run) == [(3, {"x": 1.0})]


@pytest.mark.parametrize("thing", [3, None, "text", Trainer, dict, property(lambda self: 1)])
def test_what_is_no_function_cannot_be_tracked(thing: Any) -> None:
    decorate = tracked() if thing is None else tracked
    with pytest.raises(TypeError, match="@tracked decorates a function or a method, not"):
        decorate(thing)


# What counts as metrics -------------------------------------------------------------------------


@dataclasses.dataclass
class Scores:
    loss: float
    accuracy: float


Pair = collections.namedtuple("Pair", ["loss", "accuracy"])


class Pydantic:
    """What pydantic's models look like from outside."""

    __pydantic_fields__ = {"loss": object(), "accuracy": object()}

    def __init__(self) -> None:
        self.loss, self.accuracy = 0.5, 0.75


EXPECTED = {"loss": 0.5, "accuracy": 0.75}


@pytest.mark.parametrize("returned", [
    EXPECTED,
    types.MappingProxyType(EXPECTED),
    collections.OrderedDict(EXPECTED),
    Scores(0.5, 0.75),
    Pair(0.5, 0.75),
    Pydantic(),
    ("the model", EXPECTED),
    (EXPECTED, [1, 2]),
    ({"loss": 0.5}, {"accuracy": 0.75}),
    {"loss": np.float32(0.5), "accuracy": np.array(0.75)},
], ids=lambda returned: type(returned).__name__)  # fmt: skip
def test_what_holds_metrics_is_logged_and_handed_back_untouched(run: Trackers, returned: Any) -> None:
    before = copy.deepcopy(returned) if not isinstance(returned, types.MappingProxyType) else returned
    assert tracked(lambda epoch: returned)(1) is returned
    assert logged(run) == [(1, EXPECTED)]
    assert isinstance(returned, Pydantic) or returned == before


def test_nothing_in_a_tuple_is_lost_to_a_name_that_is_used_twice(run: Trackers) -> None:
    @tracked
    def train(epoch: Any) -> Any:
        return 0.125, {"loss": 0.5}, {"loss": 0.75, "accuracy": 0.25}

    train(0)
    assert logged(run) == [(0, {"loss": 0.5, "loss_2": 0.75, "accuracy": 0.25, "train": 0.125})]


def test_a_real_pydantic_model_is_logged(run: Trackers) -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", loss=(float, ...), accuracy=(float, ...))(**EXPECTED)
    assert tracked(lambda epoch: model)(1) is model
    assert logged(run) == [(1, EXPECTED)]


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.array(3.0), np.array([3.0])])
def test_a_bare_number_is_logged_under_the_functions_name(run: Trackers, number: Any) -> None:
    @tracked
    def accuracy(epoch: Any) -> Any:
        return number

    assert accuracy(2) is number
    assert logged(run) == [(2, {"accuracy": 3.0})]


def test_nested_metrics_are_joined_and_non_numbers_cost_their_own_key_only(run: Trackers) -> None:
    @tracked
    def f(epoch: Any) -> dict[str, Any]:
        return {"train": {"loss": 1}, "name": "resnet", "lr": 0.1}

    with pytest.warns(TrackerWarning, match="'name' is not logged"):
        f(0)
    assert logged(run) == [(0, {"train/loss": 1.0, "lr": 0.1})]


def test_none_logs_nothing_counts_nothing_and_says_nothing(run: Trackers) -> None:
    answers = iter([None, {"a": 1}])

    @tracked
    def f() -> Any:
        return next(answers)

    assert f() is None
    f()
    assert logged(run) == [(0, {"a": 1.0})]


def here() -> Any:
    return sys._getframe(1).f_lineno


@tracked
def gives_list() -> Any:
    return [0.1, 0.2]


def test_a_list_warns_once_at_the_callers_line(run: Trackers) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = here() + 1
        gives_list()
        assert gives_list() == [0.1, 0.2]
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert warning.category is TrackerWarning
    assert str(warning.message).startswith("gives_list returned list, which holds no metrics: return a dict")
    assert logged(run) == []


def test_a_generators_warning_points_at_its_loop(run: Trackers) -> None:
    @tracked
    def f() -> Iterator[str]:
        yield "text"

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = here() + 1
        for _ in f():
            pass
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]


class EvilMapping(collections.UserDict[str, Any]):
    def items(self) -> Any:
        raise ZeroDivisionError("evil items")

    def __iter__(self) -> Any:
        raise ZeroDivisionError("evil iteration")


class EvilFloat:
    def __float__(self) -> None:
        raise ZeroDivisionError("evil float")


class EvilClass:
    @property  # type: ignore[misc]  # evil on purpose
    def __class__(self) -> Any:
        raise ZeroDivisionError("evil class")


class EvilAttributes:
    def __getattr__(self, name: Any) -> None:
        raise ZeroDivisionError("evil attribute")


class EvilText(Exception):
    def __str__(self) -> Any:
        raise ZeroDivisionError("evil text")


class EvilEpoch:
    def __index__(self) -> None:
        raise EvilText

    def __repr__(self) -> Any:
        raise EvilText


@pytest.mark.parametrize("make", [
    EvilMapping, EvilFloat, EvilClass, EvilAttributes, object, bytes, lambda: (EvilMapping(),),
])  # fmt: skip
def test_extraction_never_raises(run: Trackers, make: Any) -> None:
    returned = make()
    with pytest.warns(TrackerWarning):
        assert tracked(lambda: returned)() is returned
    assert logged(run) == []


def test_an_evil_value_costs_its_own_key_only(run: Trackers) -> None:
    with pytest.warns(TrackerWarning, match="'bad' is not logged"):
        tracked(lambda epoch: {"bad": EvilFloat(), "good": 1})(0)
    assert logged(run) == [(0, {"good": 1.0})]


def test_an_evil_epoch_never_raises(run: Trackers) -> None:
    with pytest.warns(TrackerWarning, match="epoch|EvilText"):
        assert bare_plain(1, EvilEpoch()) == {"x": 1}


def test_a_run_that_ends_during_the_call_costs_the_metrics_only(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:

        @tracked
        def ends_the_run(epoch: Any) -> dict[str, float]:
            t.finish()
            return {"a": 1}

        assert ends_the_run(1) == {"a": 1}
    assert logged(t) == []


def test_what_cannot_be_logged_any_more_is_warned_of_and_handed_back(tmp_path: Path) -> None:
    class EndsTheRun(collections.UserDict[str, Any]):
        def items(self) -> Any:
            if t.is_init:
                t.finish()
            return super().items()

    returned = ("model", EndsTheRun(a=1))
    with tracking(output_run=tmp_path / "run") as t:
        with pytest.warns(TrackerWarning, match=r"could not be logged \(LifecycleError: log after the end"):
            assert tracked(lambda epoch: returned)(1) is returned
    assert logged(t) == []


# It stays itself --------------------------------------------------------------------------------


def plain(a: Any, /, b: int, *, epoch: int = 0) -> dict[str, float]:
    """A docstring."""
    return {}


async def coroutine(a: int) -> None: ...


def generator(a: int) -> Iterator[None]:
    yield


async def async_generator(a: int) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator])
def test_name_doc_signature_and_kind_stay(function: Any) -> None:
    wrapped = tracked(function)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__defaults__"):
        assert getattr(wrapped, name) == getattr(function, name)
    assert wrapped.__wrapped__ is function
    assert inspect.unwrap(wrapped) is function
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert typing.get_type_hints(wrapped) == typing.get_type_hints(function)
    assert inspect.getsource(wrapped) == inspect.getsource(function)
    assert not inspect.isfunction(wrapped)  # or a pickler by value, and torch.compile, would leave the decorator behind
    for question in (
        inspect.isroutine, inspect.iscoroutinefunction, asyncio.iscoroutinefunction,
        inspect.isgeneratorfunction, inspect.isasyncgenfunction, callable,
    ):  # fmt: skip
        assert question(wrapped) == question(function)


def test_a_method_stays_a_method() -> None:
    trainer = Trainer()
    assert inspect.ismethod(trainer.step)
    assert trainer.step.__self__ is trainer
    assert trainer.step == trainer.step
    assert list(inspect.signature(trainer.step).parameters) == ["x", "epoch"]
    assert list(inspect.signature(Trainer.step).parameters) == ["self", "x", "epoch"]
    assert inspect.iscoroutinefunction(trainer.arun)
    assert Trainer.step.__qualname__ == "Trainer.step"
    assert Trainer.step.__doc__ == "One step."


def test_attributes_pass_to_the_function() -> None:
    def f() -> None: ...

    wrapped: Any = tracked(f)
    wrapped.marker = 3
    assert vars(f) == {"marker": 3}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_function_and_methods_pickle_by_name(protocol: Any) -> None:
    def there_and_back(thing: Any) -> Any:
        return pickle.loads(pickle.dumps(thing, protocol))

    assert there_and_back(train_epoch) is train_epoch
    assert there_and_back(Trainer(5).step)(2, 0) == {"step": 10}
    assert there_and_back(Trainer.step)(Trainer(5), 2, 0) == {"step": 10}
    assert there_and_back(Trainer.outer_static)(2, 0) == {"static": 2}
    assert there_and_back(Trainer.inner_static)(2, 0) == {"static": 2}


@pytest.mark.parametrize("name", ["outer_class", "inner_class"])
def test_a_class_method_pickles_with_the_class_it_was_taken_from(name: str) -> None:
    for owner in (Trainer, SubTrainer):
        loaded = pickle.loads(pickle.dumps(getattr(owner, name)))
        assert loaded(1, 0) == {owner.__name__: 1}
        assert pickle.loads(pickle.dumps(getattr(owner(), name)))(1, 0) == {owner.__name__: 1}


def undecorated(epoch: Any) -> dict[str, float]:
    return {"a": 1}


decorated_under_another_name = tracked(undecorated)


@pytest.mark.parametrize("function", [
    decorated_under_another_name,
    tracked(lambda: None),
    tracked(CallableObject()),
], ids=["other name", "lambda", "object"])  # fmt: skip
def test_what_another_process_would_not_find_is_refused_when_it_is_pickled(function: Any) -> None:
    with pytest.raises(pickle.PicklingError, match="cannot be pickled: it is not found as"):
        pickle.dumps(function)


@pytest.mark.slow
def test_a_spawned_process_gets_the_function() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(train_epoch, [(1, 2, 3)]) == [{"loss": 3}]
        assert pool.starmap(Trainer(2).step, [(4, 0)]) == [{"step": 8}]


def test_copying_a_function_gives_the_function() -> None:
    assert copy.copy(train_epoch) is train_epoch
    assert copy.deepcopy(train_epoch) is train_epoch
    assert copy.deepcopy({"callback": train_epoch})["callback"] is train_epoch


def test_copying_a_method_keeps_its_instance_and_deep_copying_copies_it() -> None:
    trainer = Trainer(3)
    assert cast(Any, copy.copy(trainer.step)).__self__ is trainer
    copied_trainer, copied_step = copy.deepcopy([trainer, trainer.step])
    assert copied_step.__self__ is copied_trainer is not trainer
    assert copied_step(2, 0) == {"step": 6}
    assert copy.deepcopy(Trainer.outer_class)(1, 0) == {"Trainer": 1}
    assert copy.deepcopy(Trainer.outer_static)(1, 0) == {"static": 1}


def test_a_class_with_tracked_methods_copies_and_pickles() -> None:
    trainer = copy.deepcopy(Trainer(4))
    assert pickle.loads(pickle.dumps(trainer)).step(2, 0) == {"step": 8}


# Threads, tasks, and no run ---------------------------------------------------------------------


def test_plain_threads_log_into_the_only_run_and_lose_nothing(run: Trackers) -> None:
    start = threading.Barrier(8)

    def work(index: Any) -> None:
        start.wait()
        for epoch in range(50):
            train_epoch(index, 0, epoch)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted((epoch, metrics["loss"]) for epoch, metrics in logged(run))
    assert found == sorted((epoch, float(index)) for index in range(8) for epoch in range(50))


def call_in_threads(function: Any) -> None:
    """A hundred calls in each of four threads that begin together."""
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(100):
            function()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_count_share_one_count(run: Trackers) -> None:
    @tracked
    def f() -> dict[str, float]:
        return {"a": 1}

    call_in_threads(f)
    assert sorted(epoch for epoch, _ in logged(run)) == list(range(400))


def test_gathered_tasks_each_log_into_their_own_run(tmp_path: Path) -> None:
    @tracked
    async def step(who: Any, epoch: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"who": who}

    async def job(who: Any) -> Any:
        async with tracking(output_run=tmp_path / str(who)) as t:
            for epoch in range(3):
                await step(who, epoch)
        return t

    async def main() -> Any:
        return await asyncio.gather(job(1), job(2), job(3))

    for who, t in enumerate(asyncio.run(main()), 1):
        assert logged(t) == [(epoch, {"who": float(who)}) for epoch in range(3)]


def test_gathered_tasks_inside_a_block_log_into_it(run: Trackers) -> None:
    @tracked
    async def step(epoch: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"a": epoch}

    async def main() -> None:
        await asyncio.gather(*(step(epoch) for epoch in range(5)))

    asyncio.run(main())
    assert sorted(logged(run)) == [(epoch, {"a": float(epoch)}) for epoch in range(5)]


def test_without_a_run_a_function_is_called_through_and_nothing_is_looked_at() -> None:
    untouched = EvilMapping()

    @tracked
    def f(epoch: Any) -> Any:
        return untouched

    assert f(1) is untouched
    assert gives_list() == [0.1, 0.2]
    assert drive_talkative(tracked(talkative)) == drive_talkative(talkative)


def test_what_a_function_returns_that_began_the_run_itself_is_logged_into_it(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:

        @tracked
        def begin() -> dict[str, float]:
            stack.enter_context(tracking(output_run=tmp_path / "run"))
            return {"a": 1}

        begin()
    assert logged(tmp_path / "run") == [(0, {"a": 1})]


def test_none_that_is_returned_outside_of_a_run_is_no_silence_of_another_one_that_is_open(tmp_path: Path) -> None:
    @tracked
    def elsewhere() -> None: ...

    with warnings.catch_warnings(action="error"), tracking(output_run=tmp_path / "run"):
        assert contextvars.Context().run(elsewhere) is None


def test_a_run_by_hand_is_not_current(tmp_path: Path) -> None:
    t = Trackers(output_run=tmp_path / "run")
    t.init()
    train_epoch(1, 2, 3)
    t.finish()
    assert logged(t) == []


def test_a_generator_logs_into_the_run_that_is_current_at_each_step(tmp_path: Path) -> None:
    @tracked
    def f() -> Iterator[dict[str, float]]:
        yield {"a": 1}
        yield {"a": 2}
        yield {"a": 3}

    generator = f()
    next(generator)
    with tracking(output_run=tmp_path / "run") as t:
        next(generator)
    next(generator)
    assert logged(t) == [(0, {"a": 2.0})]


def test_a_function_in_a_copied_context_logs_into_its_run(run: Trackers) -> None:
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(train_epoch, 1, 2, 3))
    thread.start()
    thread.join()
    assert logged(run) == [(3, {"loss": 3.0})]


def test_a_builtin_that_does_not_tell_its_arguments_is_called_through() -> None:
    assert tracked(max)(1, 2) == 2


# Axes, and every n-th call ----------------------------------------------------------------------


def on_axes(run: Trackers) -> Any:
    """Every log of the run, as (axis, step, metrics)."""
    return [(log.axis, log.step, log.metrics) for log in records(run.output_run, Log)]


def steps(run: Trackers) -> Any:
    return [step for step, _ in logged(run)]


def test_another_axis_counts_the_functions_own_calls(run: Trackers) -> None:
    @tracked(axis="batch")
    def f(x: Any) -> dict[str, Any]:
        return {"f": x}

    @tracked(axis="batch")
    def g() -> dict[str, float]:
        return {"g": 1}

    f(1), f(2), g(), f(3)
    assert on_axes(run) == [
        ("batch", 0, {"f": 1.0}), ("batch", 1, {"f": 2.0}), ("batch", 0, {"g": 1.0}), ("batch", 2, {"f": 3.0})
    ]  # fmt: skip


def test_on_another_axis_neither_an_epoch_argument_nor_the_runs_epoch_is_the_step(run: Trackers) -> None:
    @tracked(axis="batch")
    def f(epoch: Any) -> dict[str, Any]:
        return {"f": epoch}

    for epoch in run.epochs(2):
        f(epoch + 10), f(epoch + 10)
    assert steps(run) == [0, 1, 2, 3]


def test_the_option_names_the_step_on_another_axis_too(run: Trackers) -> None:
    @tracked(axis="batch", epoch="i")
    def f(x: Any, i: Any, epoch: int = 7) -> dict[str, Any]:
        return {"f": x}

    f(1, 20)
    f(1, i=30)
    f(1, None)
    assert on_axes(run) == [("batch", step, {"f": 1.0}) for step in (20, 30, 0)]


def test_every_nth_call_is_logged_the_first_among_them_and_all_are_counted(run: Trackers) -> None:
    @tracked(axis="batch", every=3)
    def f(x: Any) -> dict[str, Any]:
        return {"f": x}

    for x in range(8):
        f(x)
    assert logged(run) == [(0, {"f": 0.0}), (3, {"f": 3.0}), (6, {"f": 6.0})]


def test_a_call_that_returns_none_is_none_of_every_n(run: Trackers) -> None:
    @tracked(axis="batch", every=2)
    def train_batch(loss: Any) -> Any:
        return None if loss is None else {"loss": loss}

    for loss in (0, None, 1, None, None, 2):
        train_batch(loss)
    assert logged(run) == [(0, {"loss": 0.0}), (2, {"loss": 2.0})]


def test_every_nth_call_is_logged_at_the_step_that_is_given(run: Trackers) -> None:
    @tracked(axis="batch", epoch="i", every=3)
    def f(i: Any) -> dict[str, Any]:
        return {"f": i}

    for i in range(100, 108):
        f(i)
    assert steps(run) == [100, 103, 106]


def test_every_goes_for_epochs_too(run: Trackers) -> None:
    @tracked(every=2)
    def f() -> dict[str, float]:
        return {"f": 1}

    f(), f(), f()
    for _ in run.epochs(5):
        f()
    assert steps(run) == [0, 2, -1, -1, 1, 3]  # the first two are told anew: they came before the loop


def test_the_calls_between_are_not_looked_at(run: Trackers) -> None:
    asked = []

    class Loss:
        def item(self) -> float:
            asked.append(1)
            return 0.5

    @tracked(axis="batch", every=10)
    def f(how: Any) -> Any:
        return Loss() if how else {"loss": Loss()}

    for call in range(20):
        f(call % 2)
    assert len(asked) == 2


def test_each_function_and_each_run_counts_its_own_calls(run: Trackers, tmp_path: Path) -> None:
    @tracked(axis="batch", every=2)
    def f() -> dict[str, float]:
        return {"f": 1}

    @tracked(axis="batch", every=2)
    def g() -> dict[str, float]:
        return {"g": 1}

    f(), g(), f(), g()
    with tracking(output_run=tmp_path / "inner") as inner:
        f(), f(), f()
    f()
    assert logged(run) == [(0, {"f": 1.0}), (0, {"g": 1.0}), (2, {"f": 1.0})]
    assert steps(inner) == [0, 2]


def test_each_nth_value_of_a_generator_is_logged(run: Trackers) -> None:
    @tracked(axis="batch", every=2)
    def f() -> Iterator[dict[str, Any]]:
        for i in range(5):
            yield {"i": i}

    assert [item["i"] for item in f()] == [0, 1, 2, 3, 4]
    assert logged(run) == [(i, {"i": float(i)}) for i in (0, 2, 4)]


def test_each_nth_value_of_an_async_generator_is_logged(run: Trackers) -> None:
    @tracked(axis="batch", every=2)
    async def f() -> AsyncIterator[dict[str, Any]]:
        for i in range(5):
            yield {"i": i}

    async def main() -> Any:
        return [item["i"] async for item in f()]

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]
    assert logged(run) == [(i, {"i": float(i)}) for i in (0, 2, 4)]


def test_each_nth_result_of_a_coroutine_function_is_logged(run: Trackers) -> None:
    @tracked(axis="batch", every=2)
    async def f(i: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"i": i}

    async def main() -> None:
        for i in range(5):
            await f(i)

    asyncio.run(main())
    assert logged(run) == [(i, {"i": float(i)}) for i in (0, 2, 4)]


def test_a_call_that_is_due_and_holds_no_metrics_keeps_its_place(run: Trackers) -> None:
    @tracked(axis="batch", every=2)
    def f(returned: Any) -> Any:
        return returned

    with pytest.warns(TrackerWarning, match="holds no metrics"):
        f([1])
    f({"a": 1}), f({"a": 2})
    assert logged(run) == [(2, {"a": 2.0})]


@pytest.mark.parametrize("every", [1, 50])
def test_a_resumed_run_counts_on_behind_what_was_logged_on_the_same_grid(tmp_path: Path, every: int) -> None:
    @tracked(axis="batch", every=every)
    def f() -> dict[str, float]:
        return {"f": 1}

    for _ in range(2):
        with tracking(output_run=tmp_path / "run", resume=True) as t:
            t.log(9000, {"loss": 1})
            for _ in range(120):
                f()
    found = [step for axis, step, _ in on_axes(t) if axis == "batch"]
    assert found == (list(range(240)) if every == 1 else [0, 50, 100, 150, 200, 250])


def test_threads_share_a_functions_count(run: Trackers) -> None:
    @tracked(axis="batch", every=10)
    def f() -> dict[str, float]:
        return {"f": 1}

    call_in_threads(f)
    assert sorted(steps(run)) == list(range(0, 400, 10))


@pytest.mark.parametrize("every", [0, -1, 1.5, "50", None, True])
def test_every_must_be_a_whole_number_from_1_on(every: Any) -> None:
    with pytest.raises(ValueError, match="every must be a whole number from 1 on, as 50; got"):
        tracked(every=every)


@pytest.mark.parametrize("axis", ["", None, 5, ["batch"]])
def test_an_axis_must_have_a_name(axis: Any) -> None:
    with pytest.raises(TypeError, match="axis must be a name, as 'epoch' or 'batch'; got"):
        tracked(axis=axis)


# Arguments as params ----------------------------------------------------------------------------


def params(run: Trackers) -> Any:
    return [said.params for said in records(run.output_run, Params)]


class Net:
    @tracked(params=True)
    def fit(self, lr: Any, epoch: int = 0, api_key: str = "k") -> dict[str, Any]:
        return {"loss": lr}

    @tracked(params=True)
    @classmethod
    def outer_made(cls, lr: Any, epoch: int = 0, api_key: str = "k") -> dict[str, Any]:
        return {"loss": lr}

    @classmethod
    @tracked(params=True)
    def inner_made(cls, lr: Any, epoch: int = 0, api_key: str = "k") -> dict[str, Any]:
        return {"loss": lr}

    @tracked(params=True)
    @staticmethod
    def loose(lr: Any, epoch: int = 0, api_key: str = "k") -> dict[str, Any]:
        return {"loss": lr}

    @tracked(params=True)
    def __call__(self, lr: Any, epoch: int = 0, api_key: str = "k") -> dict[str, Any]:
        return {"loss": lr}


@pytest.mark.parametrize("call", [
    lambda: Net().fit(0.1, 3, "abc"),
    lambda: Net.fit(Net(), 0.1, epoch=3),
    lambda: Net.outer_made(0.1),
    lambda: Net().inner_made(lr=0.1),
    lambda: Net.loose(0.1),
    lambda: Net()(0.1),
])  # fmt: skip
def test_the_arguments_are_params_without_the_object_and_the_epoch_and_secrets_are_masked(
    run: Trackers, call: Any
) -> None:
    call()
    assert params(run) == [{"lr": 0.1, "api_key": "***"}]


def test_only_the_first_call_in_a_run_says_its_arguments(run: Trackers, tmp_path: Path) -> None:
    @tracked(params=True)
    def f(x: Any, *rest: Any, scale: int = 1, **options: Any) -> dict[str, Any]:
        return {"f": x}

    f(1, 2, 3, momentum=0.9)
    f(2)
    with tracking(output_run=tmp_path / "inner") as inner:
        f(3, model=Net())
    assert params(run) == [{"x": 1, "rest": [2, 3], "scale": 1, "momentum": 0.9}]
    assert params(inner) == [{"x": 3, "rest": [], "scale": 1, "model": "Net"}]
    assert len(logged(run)) == 2


def test_the_arguments_are_said_before_what_the_function_logs(run: Trackers) -> None:
    @tracked(params=True)
    def f(x: Any) -> dict[str, Any]:
        run.log(0, {"inside": 1})
        return {"f": x}

    f(1)
    kinds = [type(record).__name__ for record in records(run.output_run)]
    assert kinds == ["Begin", "Params", "Log", "Log"]


def test_functions_of_every_kind_say_their_arguments(run: Trackers) -> None:
    @tracked(params=True)
    async def coroutine(a: Any) -> dict[str, Any]:
        return {"a": a}

    @tracked(params=True)
    def generator(b: Any) -> Iterator[dict[str, Any]]:
        yield {"b": b}

    @tracked(params=True)
    async def async_generator(c: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"c": c}

    async def main() -> Any:
        await coroutine(1)
        return [item async for item in async_generator(3)]

    asyncio.run(main())
    list(generator(2))
    assert params(run) == [{"a": 1}, {"c": 3}, {"b": 2}]
    assert [metrics for _, metrics in logged(run)] == [{"a": 1.0}, {"c": 3.0}, {"b": 2.0}]


def test_a_call_that_is_wrong_raises_its_own_error_and_is_warned_of(run: Trackers) -> None:
    @tracked(params=True)
    def f(x: Any) -> dict[str, Any]:
        return {"f": x}

    with pytest.warns(TrackerWarning, match="f was called with what could not be logged"):
        with pytest.raises(TypeError, match=r"f\(\) missing 1 required positional argument"):
            cast(Any, f)()
    assert logged(run) == []


def test_without_a_run_nobody_asks_for_the_arguments() -> None:
    @tracked(params=True)
    def f(x: Any) -> dict[str, Any]:
        return {"f": x}

    assert f(EvilMapping()) is not None


def test_a_function_that_says_its_arguments_stays_itself() -> None:
    assert pickle.loads(pickle.dumps(Net.loose))(0.1) == {"loss": 0.1}
    assert list(inspect.signature(Net().fit).parameters) == ["lr", "epoch", "api_key"]
    assert inspect.iscoroutinefunction(tracked(params=True)(asyncio.sleep))
