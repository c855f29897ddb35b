"""Ray Tune: each trial is a run inside the sweep's."""

from ray import tune

from tracklib.integrations.ray import TracklibCallback


def descend(config: dict[str, float]) -> None:
    weight = 5.0
    for _ in range(5):
        weight -= config["lr"] * 2 * weight
        tune.report({"loss": weight**2})


ours = TracklibCallback(output_run="runs/ray")
rates = tune.grid_search([0.1, 0.3])
tune.Tuner(descend, param_space={"lr": rates}, run_config=tune.RunConfig(callbacks=[ours])).fit()
