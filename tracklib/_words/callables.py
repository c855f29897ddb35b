"""Any kind of callable: which kind it is, and how it is driven. What both words have in common."""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any


class Kind(enum.Enum):
    """What calling a function gives back."""

    PLAIN = enum.auto()
    COROUTINE = enum.auto()
    GENERATOR = enum.auto()
    ASYNC_GENERATOR = enum.auto()


def underlying(function: Any) -> Any:
    """The function inside a class method, static method or ``functools.partial``."""
    while isinstance(function, classmethod | staticmethod | functools.partial):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return function


def kind_of(function: Any) -> Kind:
    """The kind of ``function``, or of the ``__call__`` of a callable object."""
    function = underlying(function)
    if not inspect.isroutine(function):
        function = type(function).__call__
    if inspect.iscoroutinefunction(function):
        return Kind.COROUTINE
    if inspect.isasyncgenfunction(function):
        return Kind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(function):
        return Kind.GENERATOR
    return Kind.PLAIN


def need_callable(function: Any, word: str) -> None:
    """Refuse what cannot be decorated.

    Raises:
        TypeError: ``function`` is no function or method.
    """
    if inspect.isclass(function) or not (callable(function) or isinstance(function, classmethod | staticmethod)):
        raise TypeError(f"@{word} decorates a function or a method, not {function!r}")


def drive(
    generator: Generator[Any, Any, Any],
    step: Callable[[Callable[[], Any]], Any],
    around: AbstractContextManager[Any] = contextlib.nullcontext(),  # noqa: B008  # it holds nothing
) -> Generator[Any, Any, Any]:
    """Run ``generator`` inside ``around``, each of its steps by ``step``: what is sent, thrown and
    returned passes.

    ``step`` gets a call that makes the generator go on, and returns what that returned. ``close`` gives what the
    generator returns on it, where Python does so (from 3.13 on).
    """
    closed: list[Any] = []
    try:
        return (yield from _driven(generator, step, around, closed))
    except GeneratorExit:
        if not closed or closed[0] is None:
            raise
        return closed[0]  # pragma: no cover  # from Python 3.13 on


def _driven(
    generator: Generator[Any, Any, Any],
    step: Callable[[Callable[[], Any]], Any],
    around: AbstractContextManager[Any],
    closed: list[Any],
) -> Generator[Any, Any, Any]:
    call: Callable[[], Any] = functools.partial(next, generator)
    with around:
        while True:
            try:
                item = step(call)
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield item
            except GeneratorExit:
                step(lambda: closed.append(generator.close()))  # type: ignore[func-returns-value]  # from 3.13 on
                raise
            except BaseException as error:
                call = functools.partial(generator.throw, error)
            else:
                call = functools.partial(generator.send, sent)


async def drive_async(
    generator: AsyncGenerator[Any, Any],
    step: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]],
    around: AbstractAsyncContextManager[Any] = contextlib.nullcontext(),  # noqa: B008  # it holds nothing
) -> AsyncGenerator[Any, Any]:
    """:func:`drive` for an async generator."""
    call: Callable[[], Awaitable[Any]] = generator.__anext__
    async with around:
        while True:
            try:
                item = await step(call)
            except StopAsyncIteration:
                return
            try:
                sent = yield item
            except GeneratorExit:
                await step(generator.aclose)
                raise
            except BaseException as error:
                call = functools.partial(generator.athrow, error)
            else:
                call = functools.partial(generator.asend, sent)
