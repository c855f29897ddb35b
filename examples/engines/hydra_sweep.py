"""Hydra's sweep: each job is a run in Hydra's folder for it, whichever launcher runs it.

``python hydra_sweep.py -m hydra/launcher=joblib +lr=0.1,0.2``; on Slurm ``hydra/launcher=submitit_slurm``.
"""

from __future__ import annotations

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from tracklib import tracking


@hydra.main(version_base="1.3", config_path=None)  # type: ignore[untyped-decorator]
def main(config: DictConfig) -> None:
    job = HydraConfig.get()
    with tracking(output_run=job.runtime.output_dir, name=job.job.override_dirname, params=config) as t:
        for epoch in t.epochs(3):
            t.log(epoch, {"loss": config.lr / (epoch + 1)})


if __name__ == "__main__":
    main()
