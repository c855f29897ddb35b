"""Wrapping any kind of callable so that it stays itself: what both words have in common."""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import operator
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Self

import wrapt


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


class _Bound(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A method taken from an instance or a class."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        owner = self._owner()
        return _reference(self) if owner is None else (getattr, (owner, self.__name__))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner = self._owner()
        if owner is None:
            return self
        from copy import deepcopy

        return getattr(deepcopy(owner, memo), self.__name__)

    def _owner(self) -> Any:
        """What it is bound to: an instance, a class method's class, or None."""
        return getattr(self.__wrapped__, "__self__", None)


class Wrapper(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """wrapt's function wrapper that also pickles (by its qualified name) and copies, as functions do."""

    __bound_function_wrapper__ = _Bound

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _reference(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _reference(function: Any) -> tuple[Any, ...]:
    """``function`` by its qualified name; refused where another process would not find it there."""
    module, name = function.__module__, getattr(function, "__qualname__", None)
    try:
        found = _by_name(module, name) if name else None
    except (ImportError, AttributeError):
        found = None
    if not isinstance(found, wrapt.FunctionWrapper | wrapt.BoundFunctionWrapper):
        from pickle import PicklingError

        raise PicklingError(f"{function!r} cannot be pickled: it is not found as {module}.{name}")
    return _by_name, (module, name)


def _by_name(module: str, qualname: str) -> Any:
    __import__(module)
    return operator.attrgetter(qualname)(sys.modules[module])


def drive(
    generator: Generator[Any, Any, Any],
    step: Callable[[Callable[[], Any]], Any],
    around: AbstractContextManager[Any] = contextlib.nullcontext(),  # noqa: B008  # it holds nothing
) -> Generator[Any, Any, Any]:
    """Run ``generator`` inside ``around``, each of its steps by ``step``: what is sent, thrown and
    returned passes.

    ``step`` gets a call that makes the generator go on, and returns what that returned.
    """
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
                step(functools.partial(_close, generator))
                raise
            except BaseException as error:
                call = functools.partial(generator.throw, error)
            else:
                call = functools.partial(generator.send, sent)


def _close(generator: Generator[Any, Any, Any]) -> None:
    """Close it; what ``close`` gives back (from Python 3.13 on) was returned, not yielded."""
    generator.close()


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
