"""Stable-Baselines3: real, tiny trainings in CartPole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

from tracklib._journal.records import Artifact

need("stable_baselines3", "gymnasium", "torch")
pytestmark = MARKS


def model(**options: Any) -> Any:
    from stable_baselines3 import A2C

    return A2C("MlpPolicy", "CartPole-v1", n_steps=8, device="cpu", seed=0, **options)


def failing(fail: Callable[[], Any] | None) -> Any:
    from stable_baselines3.common.callbacks import BaseCallback

    class Fails(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            if fail and self.num_timesteps == 20:
                fail()
            return True

    return Fails()


class TestStableBaselines3(FrameworkTests):
    metric, values = "time/iterations", [8.0, 16.0, 24.0]
    copies = set[str]()  # it holds the model, of which none can be made

    def prepare(self) -> None:
        import stable_baselines3  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.stable_baselines3 import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        model().learn(24, callback=[adapter, failing(fail)], log_interval=1)

    def evaluate(self, adapter: Any) -> None:
        logger = adapter.logger
        logger.record("eval/reward", 1.0)
        logger.dump(24)


def test_timesteps_are_the_steps_and_the_algorithms_settings_are_params(tmp_path: Path) -> None:
    case = TestStableBaselines3()
    case.fit(case.adapter(**own(tmp_path)))
    assert [(axis, step) for axis, step, _ in points(tmp_path)] == [("step", 8), ("step", 16), ("step", 24)]
    (told,) = params(tmp_path)
    assert (told["algorithm"], told["n_steps"], told["seed"], told["learning_rate"]) == ("A2C", 8, 0, 0.0007)


def test_a_writer_takes_what_a_logger_dumps(tmp_path: Path) -> None:
    import numpy as np
    from stable_baselines3.common.logger import Figure, HParam, Image, Logger

    from tracklib.integrations.stable_baselines3 import TracklibWriter

    logger = Logger(None, [TracklibWriter(**own(tmp_path))])
    logger.record("loss", np.float32(0.5))
    logger.record("not/ours", 1.0, exclude=("tracklib",))
    logger.record("not/theirs", 2, exclude=("stdout", "csv"))
    logger.record("note", "text")
    logger.record("params", HParam({"lr": 0.1}, {"loss": 0}), exclude=("stdout",))
    logger.record("picture", Image(np.zeros((2, 2, 3), dtype=np.uint8), "HWC"), exclude=("stdout",))
    logger.record("figure", Figure(figure(), close=True), exclude=("stdout",))
    logger.dump(5)
    logger.close()
    assert points(tmp_path) == [("step", 5, ["loss", "not/theirs"])]
    assert params(tmp_path) == [{"lr": 0.1}]
    assert sorted(each.name for each in kept.records(tmp_path, Artifact)) == ["figure-5.png", "picture-5.png"]
    assert ends(tmp_path) == [("finished", "")]


def figure() -> Any:
    from matplotlib.figure import Figure

    return Figure()


def test_a_model_that_learns_further_goes_on_with_its_steps(tmp_path: Path) -> None:
    ours = TestStableBaselines3().adapter(**own(tmp_path))
    trained = model()
    trained.learn(16, callback=ours, log_interval=1)
    trained.learn(16, callback=ours, log_interval=1, reset_num_timesteps=False)
    assert [step for _, step, _ in points(tmp_path)] == [8, 16, 24, 32]
    assert ends(tmp_path) == [("finished", "")] * 2
