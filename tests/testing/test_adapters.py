"""The checks of adapters, on an adapter of a loop that calls hooks as frameworks do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tracklib.integrations import Held
from tracklib.testing import AdapterTests


class Loop:
    """A framework: some tell their callbacks of an exception, most do not."""

    tells_of_errors = False

    def fit(self, callback: LoopCallback, fail: Callable[[], Any] | None, epochs: int = 3) -> None:
        callback.on_begin({"lr": 0.1})
        try:
            for epoch in range(epochs):
                callback.on_epoch(epoch, {"loss": 1 / (epoch + 1)})
                if fail and epoch == 1:
                    fail()
        except BaseException:
            if self.tells_of_errors:
                callback.on_end()
            raise
        callback.on_end()


class TellingLoop(Loop):
    tells_of_errors = True


class LoopCallback:
    def __init__(self, configs: Any = None, **options: Any) -> None:
        self.held = Held(configs, **options)

    def on_begin(self, config: dict[str, Any]) -> None:
        self.held.fit_begins()
        self.held.log_params(config)

    def on_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        self.held.log(epoch, logs)

    def on_end(self) -> None:
        self.held.fit_ends(sys.exception())

    def on_test(self, logs: dict[str, float]) -> None:
        self.held.log(None, logs)


class TestLoop(AdapterTests):
    metric, values = "loss", [1.0, 0.5, 1 / 3]
    loop: type[Loop] = Loop

    def adapter(self, **options: Any) -> LoopCallback:
        return LoopCallback(**options)

    def fit(self, adapter: LoopCallback, fail: Callable[[], Any] | None = None) -> None:
        self.loop().fit(adapter, fail)

    def evaluate(self, adapter: LoopCallback) -> None:
        adapter.on_test({"test/loss": 0.5})


class TestTellingLoop(TestLoop):
    loop = TellingLoop
    hears_errors = True
