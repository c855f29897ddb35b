"""Accelerate: real accelerators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fitted import MARKS, FrameworkTests, need, own, params, points, prepare_torch

from tracklib import tracking

need("accelerate", "torch")
pytestmark = MARKS


def trained(ours: Any, fail: Callable[[], Any] | None = None, inits: int = 1) -> Any:
    import accelerate
    import torch

    accelerator = accelerate.Accelerator(log_with=[ours], cpu=True)
    for _ in range(inits):
        accelerator.init_trackers("digits", config={"lr": 0.1})
    assert accelerator.get_tracker("tracklib") is ours
    net: Any = torch.nn.Linear(1, 1)
    net, optimizer = accelerator.prepare(net, torch.optim.SGD(net.parameters(), lr=0.01))
    try:
        for step in range(3):
            loss = net(torch.ones(1, 1)).square().mean()
            accelerator.backward(loss)
            optimizer.step()
            accelerator.log({"loss": loss, "epoch": step / 3}, step=step)
            if fail:
                fail()
    finally:
        accelerator.end_training()
    return accelerator


class TestAccelerate(FrameworkTests):
    metric, values = "loss", [0.0, 1.0, 2.0]
    hears_errors = True  # `end_training` is in a `finally`

    def prepare(self) -> None:
        import accelerate  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.accelerate import TracklibTracker

        return TracklibTracker(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        trained(adapter, fail)

    def evaluate(self, adapter: Any) -> None:
        adapter.log({"test/loss": 0.5}, step=3)


@pytest.mark.parametrize("inits", [1, 2, 3])
def test_each_row_is_there_once_however_often_the_trackers_are_begun(tmp_path: Path, inits: int) -> None:
    trained(TestAccelerate().adapter(**own(tmp_path)), inits=inits)
    assert points(tmp_path) == [("step", step, ["epoch", "loss"]) for step in range(3)]
    assert params(tmp_path) == [{"lr": 0.1}]


def test_the_run_is_what_the_tracker_wraps(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, environment=False) as t:
        assert trained(TestAccelerate().adapter()).get_tracker("tracklib", unwrap=True) is t
