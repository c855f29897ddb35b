"""Wrapping any kind of callable so that it stays itself."""

import asyncio
import functools
import math
import sys
from collections.abc import AsyncGenerator, Generator
from typing import Any, cast

import pytest

from tracklib._words.callables import Kind, drive, drive_async, kind_of, need_callable, underlying
from tracklib._words.wrapper import Wrapper


def plain() -> None: ...


async def coroutine() -> None: ...


def generator() -> Generator[None, None, None]:
    yield


async def async_generator() -> AsyncGenerator[None, None]:
    yield


FUNCTIONS = {
    Kind.PLAIN: plain,
    Kind.COROUTINE: coroutine,
    Kind.GENERATOR: generator,
    Kind.ASYNC_GENERATOR: async_generator,
}


def through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("dress", [
    lambda function: function,
    staticmethod,
    classmethod,
    functools.partial,
    lambda function: functools.partial(functools.partial(function)),
    lambda function: Wrapper(function, through),
    lambda function: Wrapper(Wrapper(function, through), through),
    lambda function: type("C", (), {"m": function})().m,
    lambda function: type("C", (), {"__call__": function})(),
], ids=["function", "static", "class", "partial", "partials", "wrapper", "wrappers", "bound", "object"])  # fmt: skip
def test_the_kind_is_the_inner_functions(kind: Any, dress: Any) -> None:
    assert kind_of(dress(FUNCTIONS[kind])) is kind


def test_a_builtin_is_plain() -> None:
    assert kind_of(math.sqrt) is Kind.PLAIN
    assert kind_of("".join) is Kind.PLAIN


def test_the_underlying_function_is_found_through_every_dress() -> None:
    assert underlying(functools.partial(staticmethod(plain))) is plain
    assert underlying(classmethod(cast(Any, plain))) is plain


def test_a_class_method_counts_as_a_function_though_it_cannot_be_called() -> None:
    need_callable(classmethod(cast(Any, plain)), "word")
    with pytest.raises(TypeError, match="@word decorates a function or a method, not 3"):
        need_callable(3, "word")


def test_a_wrapper_hands_the_instance_over() -> None:
    seen = []

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append((instance, args, kwargs))
        return wrapped(*args, **kwargs)

    class C:
        @functools.partial(Wrapper, wrapper=wrapper)
        def method(self, x: Any, y: Any) -> Any:
            return self, x, y

    c: Any = C()
    assert c.method(1, y=2) == (c, 1, 2)
    assert seen == [(c, (1,), {"y": 2})]


def steps(calls: Any) -> Any:
    def step(call: Any) -> Any:
        calls.append(call)
        return call()

    return step


def test_every_resumption_of_a_generator_goes_through_step_and_its_close_too() -> None:
    calls: list[Any] = []
    driven = drive(generator(), steps(calls))
    next(driven)
    driven.close()
    assert len(calls) == 2


def returns_on_close() -> Generator[int, Any, Any]:
    try:
        yield 1
    except GeneratorExit:
        return "returned"


def test_what_a_generator_returns_on_close_is_not_taken_for_a_yielded_value() -> None:
    items = []

    def step(call: Any) -> Any:
        items.append(call())
        return items[-1]

    driven = drive(returns_on_close(), step)
    next(driven)
    driven.close()
    assert items == [1, None]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close() gives nothing back before")
def test_close_gives_what_the_generator_returns_on_it() -> None:
    around = Around()
    driven = drive(returns_on_close(), lambda call: call(), around)
    next(driven)
    assert driven.close() == "returned"  # type: ignore[func-returns-value]  # from 3.13 on
    assert around.seen == ["enter", GeneratorExit]


class Around:
    """A context manager of both kinds that records how it was left."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __enter__(self) -> None:
        self.seen.append("enter")

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.seen.append(kind)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.__exit__(kind, error, traceback)


def test_around_is_entered_with_the_first_step_and_told_how_the_generator_ended() -> None:
    around = Around()
    driven = drive(generator(), lambda call: call(), around)
    assert around.seen == []
    assert list(driven) == [None]
    assert around.seen == ["enter", None]


@pytest.mark.parametrize("error", [ValueError, GeneratorExit, KeyboardInterrupt])
def test_around_is_told_the_exception_that_ended_a_generator(error: Any) -> None:
    around = Around()
    driven = drive(generator(), lambda call: call(), around)
    next(driven)
    with pytest.raises(error):
        driven.throw(error())
    assert around.seen == ["enter", error]


@pytest.mark.parametrize("error", [ValueError, GeneratorExit, KeyboardInterrupt])
def test_around_is_told_the_exception_that_ended_an_async_generator(error: Any) -> None:
    around = Around()

    async def step(call: Any) -> Any:
        return await call()

    async def main() -> Any:
        driven = drive_async(async_generator(), step, around)
        await anext(driven)
        try:
            await driven.athrow(error())
        except BaseException as left:
            return type(left)

    assert asyncio.run(main()) is error
    assert around.seen == ["enter", error]


def test_a_generator_that_raises_stop_iteration_is_a_runtime_error_as_bare() -> None:
    def stops() -> Generator[int, None, None]:
        yield 1
        raise StopIteration(2)

    driven = drive(stops(), lambda call: call())
    next(driven)
    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        next(driven)


@pytest.mark.parametrize("make", [generator, lambda: drive(generator(), lambda call: call())], ids=["bare", "driven"])
def test_a_thrown_stop_iteration_does_not_end_a_generator_in_silence(make: Any) -> None:
    running = make()
    next(running)
    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        running.throw(StopIteration(1))


def test_a_generator_of_many_steps_needs_no_stack() -> None:
    def many() -> Generator[int, None, None]:
        for _ in range(3 * sys.getrecursionlimit()):
            yield 1

    assert sum(drive(many(), lambda call: call())) == 3 * sys.getrecursionlimit()
