"""``tracklib sync`` of a run that W&B wrote offline."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from tracklib import tracking
from tracklib.cli.sync import command


def test_sync_names_the_command_that_uploads_what_wandb_wrote_offline(tmp_path: Path) -> None:
    directory = tmp_path / "a run"
    with tracking(output_run=directory) as t:
        t.log(0, {"loss": 1.0})
    folder = directory / "wandb" / "offline-run-20260101_000000-abc"
    folder.mkdir(parents=True)
    (folder / "run-abc.wandb").touch()

    assert f"to upload that: wandb sync '{folder}'" in CliRunner().invoke(command, [str(directory)]).output
    (folder / "run-abc.wandb.synced").touch()  # so W&B marks it
    assert "wandb" not in CliRunner().invoke(command, [str(directory)]).output
