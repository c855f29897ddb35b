"""Where ranks tell each other something at once: a store of keys and values that is there already.

PyTorch's and JAX's, where the program has initialised them, and else files. Nothing is imported for it, and no
collective of the training's is used: one that somebody does not take part in breaks the group for good.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any, Protocol


class Store(Protocol):
    """What is needed of one."""

    def put(self, key: str, value: bytes) -> None:
        """Set a value that only this process sets."""

    def get(self, key: str) -> bytes | None:
        """The value; None where it is not there now."""

    def decide(self, key: str, value: bytes) -> bytes | None:
        """Set a value if nobody has; the one that was first."""

    def forget(self, key: str) -> None:
        """Nobody asks for it any more."""


class TorchStore:
    """The store by which ``torch.distributed`` was initialised."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, key: str, value: bytes) -> None:
        """Set it."""
        self._store.set(key, value.decode())

    def get(self, key: str) -> bytes | None:
        """Ask whether it is there first: else torch waits for it."""
        return bytes(self._store.get(key)) if self._store.check([key]) else None

    def decide(self, key: str, value: bytes) -> bytes | None:
        """Compare with nothing."""
        return bytes(self._store.compare_set(key, "", value.decode()))

    def forget(self, key: str) -> None:
        """Some stores cannot."""
        with contextlib.suppress(Exception):
            self._store.delete_key(key)


class JaxStore:
    """The coordination service of ``jax.distributed``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, key: str, value: bytes) -> None:
        """Set it."""
        self._client.key_value_set(key, value.decode())

    def get(self, key: str) -> bytes | None:
        """A key that is not there is an error."""
        try:
            return str(self._client.key_value_try_get(key)).encode()
        except Exception as error:
            if "NOT_FOUND" in str(error):
                return None
            raise

    def decide(self, key: str, value: bytes) -> bytes | None:
        """Nothing is overwritten."""
        try:
            self._client.key_value_set(key, value.decode(), allow_overwrite=False)
        except Exception as error:
            if "ALREADY_EXISTS" not in str(error):
                raise
        return self.get(key)

    def forget(self, key: str) -> None:
        """Delete it."""
        with contextlib.suppress(Exception):
            self._client.key_value_delete(key)


def store_there() -> Store | None:
    """The one that the training has, if any."""
    for ask in (_torchs, _jaxs):
        with contextlib.suppress(Exception):  # half imported, or of another version
            if store := ask():
                return store
    return None


def _torchs() -> Store | None:
    module: Any = sys.modules.get("torch.distributed")
    if module is None or not module.is_available() or not module.is_initialized():
        return None
    return TorchStore(module.distributed_c10d._get_default_store())


def _jaxs() -> Store | None:
    client: Any = getattr(getattr(sys.modules.get("jax._src.distributed"), "global_state", None), "client", None)
    return JaxStore(client) if hasattr(client, "key_value_try_get") else None


Gone = Callable[[int], str]
"""Why a rank will not answer any more; empty where it may."""
