"""Hydra: each job is a run; try it with --multirun lr=0.1,0.4. The callback is named in hydra.yaml."""

from typing import Any

import hydra

from tracklib import current


@hydra.main(version_base="1.3", config_path=".", config_name="hydra")  # type: ignore[untyped-decorator]
def main(config: Any) -> None:
    weight = 5.0
    for epoch in range(10):
        weight -= config.lr * 2 * weight
        current().log(epoch, {"loss": weight**2})  # type: ignore[union-attr]  # the job's


main()
