"""The wrapper around a decorated function, which stays itself: by its name, its signature, in copies and in pickles.

By reference, as pickle does, it is found by its qualified name. Whoever pickles by value what another process would not
find (cloudpickle, so joblib, Ray, Dask and submitit) takes whatever says that it is a function for a plain one, code
and all, and leaves the decorator behind; so does torch.compile. So the wrapper does not say so. It is pickled as two
:class:`_Witness` objects, which do: that one is found by name or is carried along is then the pickler's own choice.
"""

from __future__ import annotations

import functools
import operator
import sys
import uuid
import weakref
from collections.abc import Callable
from typing import Any, Self

import wrapt


class _Bound(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A method taken from an instance or a class."""

    @property  # type: ignore[misc]  # wrapt's is one, too
    def __class__(self) -> Any:
        return _Bound if self._owner() is None else type(self.__wrapped__)

    @property
    def _self_identity(self) -> Any:
        return self._self_parent._self_identity

    @property
    def _self_content(self) -> Any:
        return self._self_parent._self_content

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        owner = self._owner()
        return (_itself, (self._self_parent,)) if owner is None else (getattr, (owner, self.__name__))

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
    """wrapt's function wrapper that also pickles and copies, as functions do.

    Args:
        function: what is wrapped.
        wrapper: called in its place, as wrapt does.
        again: wraps another process's copy of ``function`` in the same way; it has to pickle.
    """

    __bound_function_wrapper__ = _Bound

    def __init__(self, function: Any, wrapper: Any, again: Callable[[Any], Wrapper] | None = None) -> None:
        wrapt.FunctionWrapper.__init__(self, function, wrapper)
        again = again or functools.partial(Wrapper, wrapper=wrapper)
        self._be_identified(uuid.uuid4().hex, again)
        _made_here[self._self_token] = self

    def _be_identified(self, token: str, again: Callable[[Any], Wrapper]) -> None:
        function = self.__wrapped__
        self._self_token = token
        self._self_identity = _Witness(lambda: token, self, "_self_identity", functools.partial(_reference, self))
        self._self_content = _Witness(lambda: (function, again), self, "_self_content", lambda: (_nothing, ()))

    @property  # type: ignore[misc]  # wrapt's is one, too
    def __class__(self) -> Any:
        return Wrapper

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """wrapt's own, as a function of Python: torch.compile binds no method by a descriptor that is none."""
        return wrapt.FunctionWrapper.__get__(self, instance, owner)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _identified, (self._self_identity,), self._self_content, None, None, _fill

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


# Those that were decorated in this process, each by its token: what comes back from a worker is the same again.
_made_here: weakref.WeakValueDictionary[str, Wrapper] = weakref.WeakValueDictionary()


class _Witness(wrapt.ObjectProxy):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A function, as far as a pickler by value can see; pickled by reference it is what ``reference`` says.

    It calls itself an attribute of ``wrapper``, and is one: so it is found where that is found.
    """

    def __init__(self, told: Any, wrapper: Wrapper, name: str, reference: Callable[[], tuple[Any, ...]]) -> None:
        told.__module__ = getattr(wrapper, "__module__", None)
        told.__qualname__ = f"{getattr(wrapper, '__qualname__', '')}.{name}"
        wrapt.ObjectProxy.__init__(self, told)
        self._self_reference = reference

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self._self_reference()


def _identified(identity: Any) -> Any:
    """The wrapper: the one that was found by name, the one that is being brought back, or an empty one.

    Empty at first, as its function may speak of it.
    """
    if isinstance(identity, Wrapper | _Bound):
        return identity
    token = identity()
    known = _made_here.get(token)
    if known is not None:
        return known
    empty = Wrapper.__new__(Wrapper)
    empty._self_token = token
    return empty


def _fill(wrapper: Any, content: Any) -> None:
    if content is None or _made_here.get(wrapper._self_token) is wrapper:
        return
    function, again = content()
    made = again(function)
    wrapt.FunctionWrapper.__init__(wrapper, made.__wrapped__, made._self_wrapper)
    wrapper._be_identified(wrapper._self_token, again)


def _reference(function: Any) -> tuple[Any, ...]:
    """``function`` by its qualified name; refused where another process would not find it there."""
    module, name = function.__module__, getattr(function, "__qualname__", None)
    try:
        found = _by_name(module, name) if name else None
    except (ImportError, AttributeError):
        found = None
    if not isinstance(found, Wrapper | wrapt.FunctionWrapper | wrapt.BoundFunctionWrapper):
        from pickle import PicklingError

        raise PicklingError(f"{function!r} cannot be pickled: it is not found as {module}.{name}")
    return _by_name, (module, name)


def _by_name(module: str, qualname: str) -> Any:
    __import__(module)
    return operator.attrgetter(qualname)(sys.modules[module])


def _itself(method: Any) -> Any:
    return method


def _nothing() -> None:
    return None
