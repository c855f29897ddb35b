"""What ranks agree by: PyTorch's store, JAX's, and files; and what becomes of it where that fails."""

from __future__ import annotations

import os
import resource
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from test_agreeing import ranks, together

from tracklib import RanksUnavailable, Trackers
from tracklib._journal.agreed import Agreed
from tracklib._journal.records import Contribution
from tracklib._run.agreeing import Agreement
from tracklib._run.stores import JaxStore, Store, TorchStore, store_there

__all__ = ["ranks"]

OWN = Contribution(time=0, axis="", step=0, metrics={"n": 1.0})


class TorchsStore:
    """As ``torch.distributed.TCPStore``: it waits for a key that is not there, and compares with what was."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._lock = threading.Lock()

    def set(self, key: str, value: str) -> None:
        self.values[key] = value

    def get(self, key: str) -> bytes:
        if key not in self.values:
            raise RuntimeError("Connection reset by peer")  # it would wait
        return self.values[key].encode()

    def check(self, keys: list[str]) -> bool:
        return all(key in self.values for key in keys)

    def compare_set(self, key: str, expected: str, desired: str) -> bytes:
        with self._lock:
            if self.values.get(key, "") == expected:
                self.values[key] = desired
            return self.values[key].encode()

    def delete_key(self, key: str) -> bool:
        return self.values.pop(key, None) is not None


class JaxsClient:
    """As the client of ``jax.distributed``: what is not there is an error, and so is what is."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def key_value_set(self, key: str, value: str, allow_overwrite: bool = True) -> None:
        if self.values.setdefault(key, value) is not value and not allow_overwrite:
            raise RuntimeError(f"ALREADY_EXISTS: {key}")
        self.values[key] = value

    def key_value_try_get(self, key: str) -> str:
        if key not in self.values:
            raise RuntimeError(f"NOT_FOUND: {key}")
        return self.values[key]

    def key_value_delete(self, key: str) -> None:
        del self.values[key]


def torch_with(store: Any, initialised: bool = True) -> types.ModuleType:
    torch: Any = types.ModuleType("torch.distributed")
    torch.is_available = lambda: True
    torch.is_initialized = lambda: initialised
    torch.distributed_c10d = types.SimpleNamespace(_get_default_store=lambda: store)
    made: types.ModuleType = torch
    return made


def jax_with(client: Any) -> types.ModuleType:
    jax: Any = types.ModuleType("jax._src.distributed")
    jax.global_state = types.SimpleNamespace(client=client)
    made: types.ModuleType = jax
    return made


@pytest.fixture(params=["torch", "jax"])
def values(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is in the store that the program has initialised."""
    if request.param == "torch":
        store = TorchsStore()
        monkeypatch.setitem(sys.modules, "torch.distributed", torch_with(store))
        return store.values
    client = JaxsClient()
    monkeypatch.setitem(sys.modules, "jax._src.distributed", jax_with(client))
    return client.values


def test_ranks_agree_by_the_store_that_the_training_has_and_leave_little_in_it(
    values: dict[str, str], ranks: list[Trackers], tmp_path: Path
) -> None:
    def call(t: Trackers, rank: int) -> list[float]:
        return [t.agree({"n": time + rank}, ranks="sum")["n"] for time in range(5)]

    assert together(ranks, call) == 3 * [[3.0 * time + 3 for time in range(5)]]
    assert 1 <= len(values) <= 4
    assert not (tmp_path / "run/ranks/agreed").exists()


def test_what_is_decided_first_stands(values: dict[str, str]) -> None:
    store = store_there()
    assert store is not None
    assert store.get("all") is None
    assert [store.decide("all", word) for word in (b"one", b"other")] == [b"one", b"one"]
    store.put("1", b"mine")
    assert store.get("1") == b"mine"
    for _ in range(2):
        store.forget("1")  # the second time it is not there
    assert values == {"all": "one"}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("torch.distributed", torch_with(None, initialised=False)),
        ("torch.distributed", types.ModuleType("torch.distributed")),  # half imported
        ("jax._src.distributed", jax_with(None)),
        ("jax._src.distributed", types.ModuleType("jax._src.distributed")),
    ],
)
def test_what_is_not_initialised_is_no_store(monkeypatch: pytest.MonkeyPatch, name: str, module: Any) -> None:
    monkeypatch.setitem(sys.modules, name, module)
    assert store_there() is None


class Gone:
    """A store whose process is gone."""

    def __getattr__(self, name: str) -> Any:
        def lost(*_: Any, **__: Any) -> None:
            raise RuntimeError("UNAVAILABLE: failed to connect")

        return lost


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("kind", [TorchStore, JaxStore])
def test_a_store_whose_process_is_gone_is_an_error_that_says_so(rank: int, kind: Any) -> None:
    made = Agreement(kind(Gone()), "key", rank, 2, 0.0, lambda rank: "")
    with pytest.raises(RanksUnavailable, match=f"rank {rank} cannot reach the others by {kind.__name__}: "):
        made.of(OWN)
    made.refuse("what was said is no number")  # and who is wrong hears of that alone


def test_an_error_of_jaxs_that_says_neither_is_raised() -> None:
    with pytest.raises(RuntimeError, match="UNAVAILABLE"):
        JaxStore(Gone()).get("key")
    with pytest.raises(RuntimeError, match="UNAVAILABLE"):
        JaxStore(Gone()).decide("key", b"word")


class HalfWritten:
    """A decision that is there and cannot be read until it was asked for so often."""

    def __init__(self, asked: float) -> None:
        self._left = asked

    def decide(self, key: str, value: bytes) -> bytes | None:
        self._word = value
        return None

    def get(self, key: str) -> bytes | None:
        self._left -= 1
        return None if self._left > 0 else self._word

    def put(self, key: str, value: bytes) -> None: ...

    def forget(self, key: str) -> None: ...


def test_a_decision_that_is_just_being_written_is_waited_for() -> None:
    store: Store = HalfWritten(3)
    assert Agreement(store, "key", 0, 1, 60.0, lambda rank: "").of(OWN) == {"n": 1.0}


def test_one_that_is_never_written_is_not_waited_for_for_ever() -> None:
    store: Store = HalfWritten(float("inf"))
    with pytest.raises(RanksUnavailable, match="who decided was killed meanwhile, or has a full disk"):
        Agreement(store, "key", 0, 1, 0.0, lambda rank: "").of(OWN)


def test_what_a_full_disk_takes_half_is_as_if_it_were_never_said(tmp_path: Path) -> None:
    files = Agreed(str(tmp_path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, resource.RLIM_INFINITY))
    try:
        for say in (files.put, files.decide):
            with pytest.raises(OSError, match="File too large"):
                say("key", b"a long word")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert os.listdir(tmp_path / "ranks/agreed") == []
    assert files.decide("key", b'{"n":2}') == b'{"n":2}'


def test_a_full_disk_is_an_error_of_the_ranks(ranks: list[Trackers]) -> None:
    agreed = ranks[1].directory + "/ranks/agreed"
    open(agreed, "w").close()  # no folder can be made there
    told = together(ranks[1:2], lambda t, rank: t.agree({"n": 1}, timeout=0.0))
    assert told[0][0] is RanksUnavailable
    assert "rank 1 cannot reach the others by Agreed: " in told[0][1]
