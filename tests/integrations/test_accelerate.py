"""Accelerate: real accelerators, whose trainings end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

need("accelerate", "torch")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import torch, accelerate
    from tracklib.integrations.accelerate import TracklibTracker as adapter

    def fit(ours, fail=None, inits=1):
        accelerator = accelerate.Accelerator(log_with=[ours], cpu=True)
        for _ in range(inits):
            accelerator.init_trackers("digits", config={"lr": 0.1})
        assert accelerator.get_tracker("tracklib") is ours
        net = torch.nn.Linear(1, 1)
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
    def evaluate(ours):
        ours.log({"test/loss": 0.5}, step=3)
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "two inits": "fit(own(), inits=2)",
        "three inits": "fit(own(), inits=3)",
        "unwrapped": "with around() as t: assert fit(adapter()).get_tracker('tracklib', unwrap=True) is t",
    }
    return Fits(tmp_path_factory.mktemp("accelerate"), SCRIPT, more)


HOOKED = {
    "own, raises and is caught": [("failed", "ValueError")],  # `end_training` is in a `finally`
    "own, two fits, the first raises": [("failed", "ValueError"), *SUCCESS],
}


@pytest.mark.parametrize("end", ENDS)
def test_a_trainings_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end, HOOKED.get(end, ()))


@pytest.mark.parametrize("inits", ["own, success", "two inits", "three inits"])
def test_each_row_is_there_once_however_often_the_trackers_are_begun(fits: Fits, inits: str) -> None:
    assert fits[inits].points == [("step", step, ["epoch", "loss"]) for step in range(3)], fits[inits].output
    assert fits[inits].params == [{"lr": 0.1}]


def test_the_run_is_what_the_tracker_wraps(fits: Fits) -> None:
    assert fits["unwrapped"].ends == SUCCESS, fits["unwrapped"].output
