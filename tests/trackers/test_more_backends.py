"""The backends that are proved in sessions of their own (``tests/backends``): what needs no package of theirs."""

from __future__ import annotations

import importlib.util

import pytest

from tracklib import Aim, BaseTracker, Comet, ConfigError, DvcLive, LifecycleError, Neptune, SwanLab, Trackers, Trackio
from tracklib.trackers._configs import another, build
from tracklib.trackers.aim import aim_name
from tracklib.trackers.comet import comet_name
from tracklib.trackers.dvclive import dvclive_name
from tracklib.trackers.neptune import neptune_name
from tracklib.trackers.swanlab import swanlab_name
from tracklib.trackers.trackio import trackio_name

KINDS: list[type[BaseTracker]] = [Aim, Comet, DvcLive, Neptune, SwanLab, Trackio]


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_package_is_told_with_the_extra_that_installs_it(
    kind: type[BaseTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        Trackers([{"type": kind.__name__}])
    assert f'run: pip install "tracklib-ml[{kind.extra}]"' in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tracker_that_has_not_begun_says_so(kind: type[BaseTracker]) -> None:
    with pytest.raises(LifecycleError, match="has not begun: call init"):
        kind().log(epoch=1, log_dict={"loss": 0.5})


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_closed_and_copied_without_having_begun(kind: type[BaseTracker]) -> None:
    tracker = kind()
    tracker.close()
    assert type(another(tracker)) is kind


def test_aim_takes_a_folder_and_no_server() -> None:
    with pytest.raises(ConfigError, match="repo must be a folder on this machine"):
        build([{"type": "Aim", "repo": "aim://example.com:53800"}])


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("loss", "loss"),
        ("val/loss", "val/loss"),
        ("step", "metric_step"),
        ("gpu/timestamp", "gpu/metric_timestamp"),
        ("../up", "up"),
        ("f1@0.5", "f1_0.5"),
    ],
)
def test_a_metric_of_dvclives_is_a_file_that_stays_in_its_folder(raw: str, path: str) -> None:
    assert dvclive_name(raw) == path


@pytest.mark.parametrize(
    ("raw", "name"), [("loss", "loss"), ("step", "metric_step"), ("_x", "metric__x"), ("", "metric_")]
)
def test_a_metric_of_trackios_is_called_as_none_of_a_rows_own(raw: str, name: str) -> None:
    assert trackio_name(raw) == name


def test_a_metric_of_aims_has_a_name_in_one_line() -> None:
    assert [aim_name("a\nb"), aim_name("")] == ["a_b", "unnamed"]


def test_a_metric_of_neptunes_is_short_in_bytes_and_none_is_nameless() -> None:
    assert neptune_name("val/loss") == "val/loss"
    assert len(neptune_name("\u00fc" * 1000).encode()) == 1000
    assert neptune_name("") == comet_name("") == "unnamed"
    assert len(comet_name("x" * 600)) == 500


@pytest.mark.parametrize(
    ("raw", "name"), [("val/loss", "val/loss"), ("/a/", "a"), ("..", "unnamed"), ("a" * 300, "a" * 255)]
)
def test_a_metric_of_swanlabs_has_a_name_that_it_would_not_trim(raw: str, name: str) -> None:
    assert swanlab_name(raw) == name
