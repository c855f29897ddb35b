"""PyTorch-Ignite: real engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

need("ignite", "torch")
pytestmark = MARKS


def engines(fail: Callable[[], Any] | None = None) -> tuple[Any, Any, Any]:
    """A trainer, an evaluator that it runs behind each epoch, and the optimizer."""
    import torch
    from ignite.engine import Engine, Events

    net = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)

    def train(engine: Any, batch: Any) -> float:
        loss = net(torch.ones(1, 1)).square().mean()
        loss.backward()
        optimizer.step()
        return float(loss)

    trainer = Engine(train)
    evaluator = Engine(lambda engine, batch: float(batch))

    @evaluator.on(Events.EPOCH_COMPLETED)  # type: ignore[untyped-decorator]
    def measure(engine: Any) -> None:
        engine.state.metrics = {"accuracy": 0.5, "each": {"a": 1.0, "b": [1.0, 2.0]}}

    @trainer.on(Events.EPOCH_COMPLETED)  # type: ignore[untyped-decorator]
    def evaluate(engine: Any) -> None:
        evaluator.run([1.0, 2.0])
        if fail and engine.state.epoch == 2:
            fail()

    return trainer, evaluator, optimizer


def run_with(logger: Any, fail: Callable[[], Any] | None = None) -> None:
    from ignite.engine import Events
    from ignite.handlers import global_step_from_engine

    trainer, evaluator, optimizer = engines(fail)
    logger.attach_output_handler(
        trainer, Events.ITERATION_COMPLETED(every=2), tag="train", output_transform=lambda loss: {"loss": loss}
    )
    logger.attach_output_handler(
        evaluator,
        Events.EPOCH_COMPLETED,
        tag="val",
        metric_names="all",
        global_step_transform=global_step_from_engine(trainer),
    )
    logger.attach_opt_params_handler(trainer, Events.EPOCH_STARTED, optimizer=optimizer)
    trainer.run([0, 1, 2], max_epochs=3)


class TestIgnite(FrameworkTests):
    metric, values = "val/accuracy", [1.0, 2.0, 3.0]
    hears_errors = True  # the block does

    def prepare(self) -> None:

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.ignite import TracklibLogger

        return TracklibLogger(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        with adapter as logger:
            logger.log_params({"lr": 0.25})
            run_with(logger, fail)

    def evaluate(self, adapter: Any) -> None:
        from ignite.engine import Events

        _, evaluator, _ = engines()
        adapter.attach_output_handler(evaluator, Events.COMPLETED, tag="test", metric_names=["accuracy"])
        evaluator.run([1.0])


def test_each_handler_is_on_the_axis_of_its_event(tmp_path: Path) -> None:
    case = TestIgnite()
    case.fit(case.adapter(**own(tmp_path)))
    found = points(tmp_path)
    assert [step for axis, step, names in found if (axis, names) == ("iteration", ["train/loss"])] == [2, 4, 6, 8]
    assert [step for axis, step, names in found if (axis, names) == ("epoch", ["lr"])] == [1, 2, 3]
    (of_values,) = [names for axis, step, names in found if (axis, step) == ("epoch", 1) and names != ["lr"]]
    nested = ["val/each/a", "val/each/b/0", "val/each/b/1"]  # which the newer versions of Ignite flatten
    assert of_values in (["val/accuracy", *nested], ["val/accuracy"])
    assert params(tmp_path) == [{"lr": 0.25}]


def test_closed_by_hand_in_a_finally_it_knows_the_error(tmp_path: Path) -> None:
    logger = TestIgnite().adapter(**own(tmp_path))

    def fail() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        try:
            run_with(logger, fail)
        finally:
            logger.close()
    assert ends(tmp_path) == [("failed", "ValueError")]


def test_several_groups_of_an_optimizer_have_names_of_their_own(tmp_path: Path) -> None:
    import torch
    from ignite.engine import Events

    trainer, _, _ = engines()
    one, two = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD([{"params": one.parameters(), "lr": 0.5}, {"params": two.parameters()}], lr=0.25)
    with TestIgnite().adapter(**own(tmp_path)) as logger:
        logger.attach_opt_params_handler(trainer, Events.ITERATION_STARTED, optimizer=optimizer, tag="opt")
        trainer.run([0], max_epochs=1)
        assert logger.run.is_init
    assert points(tmp_path) == [("iteration", 1, ["opt/lr/0", "opt/lr/1"])]


def test_a_handlers_axis_can_be_said(tmp_path: Path) -> None:
    from ignite.engine import Events

    trainer, evaluator, _ = engines()
    with TestIgnite().adapter(**own(tmp_path)) as logger:
        logger.attach_output_handler(
            evaluator,
            Events.EPOCH_COMPLETED,
            tag="val",
            metric_names=["accuracy"],
            global_step_transform=lambda *_: trainer.state.iteration,
            axis="iteration",
        )
        trainer.run([0, 1], max_epochs=2)
    assert points(tmp_path) == [("iteration", 2, ["val/accuracy"]), ("iteration", 4, ["val/accuracy"])]
