"""What a user would pick instead: each peer is a block that gives a ``log(step, metrics)``.

Each is set up as its own documentation has it, where that writes each call; every package is imported
inside, as not all have to be installed.
"""

from __future__ import annotations

import contextlib
import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Log = Callable[[int, dict[str, float]], object]


@contextmanager
def tracklib(server: str) -> Iterator[Log]:
    from tracklib import tracking

    with tracking(output_run="run") as t:
        yield t.log


@contextmanager
def os_write(server: str) -> Iterator[Log]:
    """The bare floor: the very line of the journal, and nothing else."""
    line = b'{"crc":"01234567","type":"log","time":1700000000000,"axis":"epoch","step":1000,"metrics":{%b}}\n'
    line %= b",".join(b'"metric_%d":0.%d234567890123456' % (n, n) for n in range(10))
    fd = os.open("lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    yield lambda step, metrics: os.write(fd, line)


@contextmanager
def csv_module(server: str) -> Iterator[Log]:
    with open("metrics.csv", "w", newline="") as file:
        writer = csv.writer(file)

        def log(step: int, metrics: dict[str, float]) -> None:
            writer.writerow([step, *metrics.values()])
            file.flush()

        yield log


@contextmanager
def wandb(server: str) -> Iterator[Log]:
    import wandb

    with wandb.init(project="bench", mode="offline") as run:
        yield lambda step, metrics: run.log(metrics, step=step)


@contextmanager
def _mlflow(uri: str) -> Iterator[Log]:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("bench")
    with mlflow.start_run():
        yield lambda step, metrics: mlflow.log_metrics(metrics, step=step)


def mlflow_sqlite(server: str) -> contextlib.AbstractContextManager[Log]:
    return _mlflow("sqlite:///mlflow.db")


def mlflow_server(server: str) -> contextlib.AbstractContextManager[Log]:
    return _mlflow(server)


@contextmanager
def lightning_csv(server: str) -> Iterator[Log]:
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(".", flush_logs_every_n_steps=1)
    yield lambda step, metrics: logger.log_metrics(metrics, step)


@contextmanager
def lightning_mlflow(server: str) -> Iterator[Log]:
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger("bench", tracking_uri=server)
    logger.run_id  # noqa: B018  # this begins the run
    yield lambda step, metrics: logger.log_metrics(metrics, step)
    logger.finalize("success")


@contextmanager
def lightning_wandb(server: str) -> Iterator[Log]:
    from lightning.pytorch.loggers import WandbLogger

    logger = WandbLogger(project="bench", offline=True)
    logger.experiment  # noqa: B018  # this begins the run
    yield lambda step, metrics: logger.log_metrics(metrics, step)
    logger.experiment.finish()


@contextmanager
def _accelerate(name: str, **options: Any) -> Iterator[Log]:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True, log_with=name, project_dir=".")
    accelerator.init_trackers("bench", init_kwargs={name: options})
    yield lambda step, metrics: accelerator.log(metrics, step=step)
    accelerator.end_training()


def accelerate_wandb(server: str) -> contextlib.AbstractContextManager[Log]:
    return _accelerate("wandb", mode="offline")


def accelerate_mlflow(server: str) -> contextlib.AbstractContextManager[Log]:
    os.environ["MLFLOW_TRACKING_URI"] = server
    return _accelerate("mlflow")


@contextmanager
def trackio(server: str) -> Iterator[Log]:
    import trackio

    trackio.init(project="bench")
    yield lambda step, metrics: trackio.log(metrics, step=step)
    with contextlib.suppress(Exception):
        trackio.finish()


@contextmanager
def dvclive(server: str) -> Iterator[Log]:
    from dvclive import Live

    live = Live(save_dvc_exp=False, report=None, dvcyaml=None, monitor_system=False)

    def log(step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            live.log_metric(name, value)
        live.next_step()

    yield log
    live.end()


@contextmanager
def sacred(server: str) -> Iterator[Log]:
    from sacred import Experiment
    from sacred.observers import FileStorageObserver

    experiment = Experiment("bench", save_git_info=False)
    experiment.observers.append(FileStorageObserver("sacred"))
    experiment.main(lambda: None)
    run = experiment._create_run()
    run._emit_started = lambda: None  # as it is not started by sacred's command

    def log(step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            run.log_scalar(name, value, step)

    yield log


@contextmanager
def clu(server: str) -> Iterator[Log]:
    from clu import metric_writers

    writer = metric_writers.create_default_writer(tempfile.mkdtemp(dir="."), asynchronous=True)
    yield writer.write_scalars
    writer.close()
