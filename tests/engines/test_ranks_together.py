"""What ranks say and decide together, by each real launcher: ``nox -s ranks``."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from kept import logged
from mlflow_server import free_port
from patience import PATIENT

import tracklib
from tracklib import load

pytestmark = pytest.mark.engines

TRAIN = """
    import os, sys
    from tracklib import Metrics, tracking

    def train(rank):
        with tracking(output_run="runs/one") as t:
            seen = []
            for epoch in t.epochs(3):
                metrics = Metrics()
                for _ in range(rank + 1):  # uneven
                    metrics.add({"loss": rank}, weight=8)
                t.log(epoch, metrics, ranks="mean")
                seen.append(t.agree({"most": rank, "n": 1}, ranks="sum"))
            by = type(t._agreed.store).__name__ if rank == 0 else ""
            with open(f"rank-{rank}", "w") as file:
                file.write(repr((seen, t.uid, by)))
"""

LAUNCHED = {
    "torchrun": """
        import torch.distributed as dist
        dist.init_process_group("gloo")
        train(dist.get_rank())
        dist.destroy_process_group()
    """,
    "mpirun": """
        train(int(os.environ["OMPI_COMM_WORLD_RANK"]))
    """,
    "spawn": """
        def main(rank):
            import torch.distributed as dist
            dist.init_process_group("gloo", rank=rank, world_size=2)
            train(rank)
            dist.destroy_process_group()

        if __name__ == "__main__":
            import torch.multiprocessing
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[1])
            torch.multiprocessing.spawn(main, nprocs=2)
    """,
    "jax": """
        def main(rank):
            import jax
            jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, rank)
            train(rank)
            jax.distributed.shutdown()

        if __name__ == "__main__":
            import multiprocessing
            spawn = multiprocessing.get_context("spawn")
            ranks = [spawn.Process(target=main, args=(rank,)) for rank in range(2)]
            for rank in ranks: rank.start()
            for rank in ranks: rank.join()
            assert [rank.exitcode for rank in ranks] == [0, 0]
    """,
    "submitit": """
        def main():
            import submitit
            train(submitit.JobEnvironment().global_rank)

        if __name__ == "__main__":
            import submitit
            executor = submitit.LocalExecutor(folder="jobs")
            executor.update_parameters(tasks_per_node=2, timeout_min=5)
            job = executor.submit(main)
            job.results()
    """,
    "lightning": """
        import lightning.pytorch as pl, torch
        from torch.utils.data import DataLoader, TensorDataset

        class Model(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)

            def training_step(self, batch, index):
                return self.layer(batch[0]).sum()

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), 0.1)

            def on_fit_start(self):
                train(self.global_rank)

        if __name__ == "__main__":
            trainer = pl.Trainer(
                max_epochs=1, accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False,
            )
            trainer.fit(Model(), DataLoader(TensorDataset(torch.ones(4, 1))))
    """,
}
STORES = {"mpirun": "Agreed", "submitit": "Agreed", "jax": "JaxStore"}
PACKAGES = {"torchrun": "torch", "spawn": "torch", "lightning": "lightning"}
COMMANDS = {
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "mpirun": ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable],
}


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_ranks_make_one_value_and_agree(tmp_path: Path, launcher: str) -> None:
    if launcher == "mpirun":
        if shutil.which("mpirun") is None:
            pytest.skip("there is no mpirun")
    else:
        pytest.importorskip(PACKAGES.get(launcher, launcher))
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN) + textwrap.dedent(LAUNCHED[launcher]))
    env = {**os.environ, "PYTHONPATH": str(Path(tracklib.__file__).parents[1]), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [*COMMANDS.get(launcher, [sys.executable]), "train.py", str(free_port())],
        cwd=tmp_path, env=env, timeout=3 * PATIENT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = [ast.literal_eval((tmp_path / f"rank-{rank}").read_text()) for rank in range(2)]
    assert told[0][:2] == told[1][:2]
    assert told[0][0] == 3 * [{"most": 1.0, "n": 2.0}]
    assert told[0][2] == STORES.get(launcher, "TorchStore")
    assert logged(tmp_path / "runs/one") == [(epoch, {"loss": 2 / 3}) for epoch in range(3)]
    assert load(tmp_path / "runs/one").status == "finished"
