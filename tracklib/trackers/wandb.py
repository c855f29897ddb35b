"""Weights & Biases, online or offline."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._common.files import link_whole, make_folder, placed
from .._common.names import Names, file_name, in_one_line, with_hash
from .._common.secrets import redact, redact_text
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Begin, Best, Log, Status
from .._values.plain import plain
from ..errors import TrackerBlocked, TrackerLost, TrackerUnavailable
from ._wandb_core import core_pid, disconnect, has_died, is_core
from ._wandb_limits import wandb_name, wandb_param_name
from .base import BatchTracker

if TYPE_CHECKING:
    import wandb

_FINISH_SECONDS = 10.0
_TAG_LENGTH = 64
_NAME_LENGTH = 128
_JOB_TYPE_LENGTH = 64
_ROW_BYTES = 10_383_360
_CONFIG_TEXT = 20_000  # characters; beyond 100 KB W&B prints a warning
_CONFIG_LIST = 10_000  # items, for the same reason
_SHOWN = 200
_LONG_TAGS = "tracklib_tags"
# What may pass by itself, W&B tried until its own timeout, and its error says so.
_TRIED_LONG = ("timed out", "deadline exceeded", "giving up after", "while retrying")


class Wandb(BatchTracker):
    """Logs into one W&B run.

    W&B's own step is the record's number in the run, so it always rises and no row is dropped; the
    epoch is a metric, and the x-axis of every chart, so epochs may repeat or go back. In offline mode
    the run lies in ``wandb/offline-run-...`` of the run's directory, for ``wandb sync``.

    Args:
        entity: the user or team; None is W&B's default for the API key.
        project: the project; None is W&B's default.
        mode: ``"online"``, ``"offline"`` or ``"disabled"``; None leaves the choice to W&B
            (``WANDB_MODE`` included).
        name: the run's name; None takes the tracklib run's name.
        group: puts runs together.
        job_type: such as ``"train"`` or ``"eval"``.
        tags: words to find the run by.
        notes: a longer text.
        config: hyperparameters, as W&B's config.
        settings: any other setting of ``wandb.init``, as ``wandb.Settings`` names it.
        output_run: the directory where logs are stored.
    """

    requires = ("wandb",)
    extra = "wandb"
    name_option = "name"
    batch_size = 256
    reads_whole_journal = True  # what W&B has, W&B says

    def __init__(
        self,
        *,
        entity: str | None = None,
        project: str | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: list[str] | None = None,
        notes: str | None = None,
        config: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.entity = entity
        self.project = project
        self.mode = mode
        self.name = name
        self.group = group
        self.job_type = job_type
        self.tags = list(tags or ())
        self.notes = notes
        self.config = config or {}
        self.settings = settings or {}
        self._names = Names("W&B", wandb_name)
        self._param_names = Names("W&B", wandb_param_name, "param_names")
        self._on_other_axes: set[str] = set()
        self._rows = 0  # W&B has the rows of all ordinals below
        self._file = ""  # of an offline run
        self._run: wandb.Run | None = None

    @property
    def run(self) -> wandb.Run | None:
        """The ``wandb.Run``, once :meth:`init` has returned."""
        return self._run

    @property
    def files(self) -> tuple[str, ...]:
        """The folder that wandb writes into."""
        return (layout.WANDB,)

    def init(self) -> None:
        """Begin the W&B run, or take it up again: its id is the tracklib run's uid."""
        import wandb

        self._names.restore(self.state)
        self._param_names.restore(self.state)
        settings = self._wandb_settings()
        make_folder(self.output_run)  # else W&B prints that it is not there
        make_folder(os.path.join(self.output_run, layout.WANDB))  # W&B lets all read what it writes
        self._need_quiet()
        if has_died():  # with an earlier run
            disconnect()
        try:
            self._need_credentials(settings)
            self._run = self._begin_run(settings)
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            if any(sign in str(error).lower() for sign in _TRIED_LONG):
                raise
            raise TrackerBlocked(f"W&B: {error}") from error
        epoch = self._names.axis("epoch")
        self._run.define_metric(epoch)
        self._run.define_metric("*", step_metric=epoch)
        self._file = self._run.settings.sync_file if self._run.offline else ""
        self._rows = max([self._run.starting_step, *self._rows_in_files()])
        self.log_params(self.config)
        self.log_tags(dict.fromkeys(self.tags, ""))
        self.state["run_id"] = self._run.id
        self.state["core"] = f"{socket.gethostname()} {core_pid()}"
        self.location = self._run.settings.sync_dir if self._run.offline else self._run.url or ""

    def _need_quiet(self) -> None:
        """See that no earlier attempt's files are still written, and that the new one's has a name of its own."""
        host, _, pid = self.state.get("core", "").rpartition(" ")
        if host == socket.gethostname() and int(pid) != core_pid() and is_core(int(pid)):
            raise TrackerUnavailable(f"the W&B process {pid} of an earlier attempt is still writing")
        while any(time.strftime("-%Y%m%d_%H%M%S-") in os.path.dirname(file) for file in self._old_files()):
            time.sleep(0.05)  # W&B names a run's folder by the second

    def _old_files(self) -> list[str]:
        """The files that offline attempts of this run left, in this folder."""
        folder = os.path.join(glob.escape(os.path.abspath(self.output_run)), layout.WANDB, "offline-run-*")
        return glob.glob(os.path.join(folder, f"run-{glob.escape(self.begin.uid)}.wandb"))

    def _rows_in_files(self) -> Iterator[int]:
        """Behind which row each file of an offline run ends."""
        from ._wandb_file import held_by

        for file in self._old_files() if self._file else ():
            yield held_by(file).next_step

    def _begin_run(self, settings: wandb.Settings) -> wandb.Run:
        import wandb

        return wandb.init(
            entity=self.entity,
            project=self.project,
            mode=self.mode,
            name=_line(self.name or self.begin.name or None),
            group=_line(self.group or _group_of(self.begin)),
            job_type=_line(self.job_type, _JOB_TYPE_LENGTH),
            notes=None if self.notes is None else redact_text(self.notes),
            id=self.begin.uid,
            resume="allow",
            dir=os.path.abspath(self.output_run),
            settings=settings,
        )

    def _wandb_settings(self) -> wandb.Settings:
        import wandb
        from pydantic import ValidationError

        own = dict(_OWN_SETTINGS)
        if _has_secret(sys.argv[1:]):
            own["x_disable_meta"] = True
            warn("the command line holds a secret, and W&B would keep it: its record of the machine is left out")
        try:
            return wandb.Settings(**own | self.settings)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise TrackerBlocked(f"W&B does not take these settings ({wrong}): see wandb.Settings") from error

    def _need_credentials(self, settings: wandb.Settings) -> None:
        """W&B would ask for a key at the terminal, in the middle of the training's output."""
        import wandb
        from wandb.sdk.lib.wbauth import authenticate_session  # wandb.login() prints, and writes settings

        merged = wandb.setup().settings.model_copy()
        merged.update_from_settings(settings)
        if (self.mode or merged.mode) != "online" or merged.api_key:
            return
        if not authenticate_session(host=merged.base_url, source="tracklib", prompt=False, update_session=False):
            raise TrackerBlocked(
                "W&B has no API key: run `wandb login` once, or set WANDB_API_KEY, or choose mode='offline'"
            )

    def log_batch(self, records: Sequence[Log]) -> None:
        """Log rows; one that W&B's server already has is passed over."""
        assert self._run is not None, "init comes before log"
        with self._losing():
            for record in records:
                axis = self._names.axis(record.axis)  # names in the order of the journal, whoever has the row
                row = {self._names[name]: value for name, value in record.columns().items()}
                if record.ordinal >= self._rows:
                    self._log_row(self._run, record, axis, row)
                    self._rows = record.ordinal + 1
        self._names.keep(self.state)

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """Tell a run that is lost (W&B's process died, an offline run's folder was deleted) from other errors."""
        try:
            yield
        except Exception as error:
            if is_core(core_pid()) and not isinstance(error, ConnectionError):
                raise
            self._leave_lost_run()
            raise TrackerLost(f"W&B's own process died ({error}): the run is taken up again") from error
        if self._file and not os.path.exists(self._file):
            self._leave_lost_run()
            raise TrackerLost(f"{self._file} is gone: it is written anew")

    def _leave_lost_run(self) -> None:
        run, self._run = self._run, None
        with contextlib.suppress(Exception):
            if run is not None:
                run.finish()
        if not is_core(core_pid()):
            disconnect()

    def _log_row(self, run: wandb.Run, record: Log, axis: str, row: dict[str, Any]) -> None:
        if len(row) > _SHOWN and len(json.dumps(row)) > _ROW_BYTES:
            raise ValueError(f"W&B takes no row of more than {_ROW_BYTES} bytes; these {len(row)} metrics have more")
        if record.axis != "epoch":
            for name in row.keys() - self._on_other_axes:
                self._on_other_axes.add(name)
                if "*" not in name:  # W&B would take it as a pattern, for other metrics too
                    run.define_metric(name, step_metric=axis)
        row |= {axis: record.step, "_timestamp": record.time / 1000}
        run.log(row, step=record.ordinal, commit=True)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to W&B's config. A text or list that is long is kept whole as the run's file
        ``params/<name>.txt`` or ``.json``, its beginning in the config."""
        assert self._run is not None, "init comes before log_params"
        config: Any = self._run.config
        fitting = {self._param_names[name]: self._fitting(name, v) for name, v in redact(plain(params)).items()}
        self._param_names.keep(self.state)
        config.update(fitting, allow_val_change=True)

    def _fitting(self, name: str, value: Any) -> Any:
        """``value`` with each text or list in it that is long as its beginning, and whole in the run's files."""
        if isinstance(value, dict):
            return {key: self._fitting(f"{name}/{key}", item) for key, item in value.items()}
        if isinstance(value, list) and len(value) > _CONFIG_LIST:
            return self._beside(f"params/{file_name(name)}.json", json.dumps(value))
        if isinstance(value, list):
            return [self._fitting(f"{name}/{index}", item) for index, item in enumerate(value)]
        if isinstance(value, str) and len(value) > _CONFIG_TEXT:
            return self._beside(f"params/{file_name(name)}.txt", value)
        return value

    def _beside(self, name: str, text: str) -> str:
        assert self._run is not None, "init comes before log_params"
        path = os.path.join(self._run.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self._run.save(glob.escape(path), base_path=self._run.dir, policy="now")
        return f"{text[:_SHOWN]}... ({len(text)} characters, whole in {name})"

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to W&B's tags, as ``name`` or ``name:value``. One that is too long for W&B is kept whole
        in its config, under ``tracklib_tags``, its beginning as the tag."""
        assert self._run is not None, "init comes before log_tags"
        shown: list[str] = list(self._run.tags or ())
        whole: dict[str, str] = {}
        for name, value in redact(plain(tags)).items():
            word = redact_text(f"{name}:{value}" if value else name)
            if len(word) > _TAG_LENGTH:
                whole[redact_text(name)] = value
                word = with_hash(word, word, _TAG_LENGTH)
            shown.append(word)
        self._run.tags = tuple(dict.fromkeys(filter(None, shown)))
        if whole:
            config: Any = self._run.config
            config.update({_LONG_TAGS: dict(config.get(_LONG_TAGS, {})) | whole}, allow_val_change=True)

    def log_best(self, best: Best) -> None:
        """Set ``best/<name>`` and its step, ``best/<name>/epoch``, in W&B's summary."""
        assert self._run is not None, "init comes before log_best"
        name, step = (self._names.within("best", name) for name in (best.name, f"{best.name}/{best.axis}"))
        self._names.keep(self.state)
        with self._losing():
            self._run.summary.update({name: best.value, step: best.step})

    def log_artifact(self, name: str, path: str) -> None:
        """Put a file or a folder into the run's files, as ``name``, and upload it. One that is called as a file of
        W&B's own, such as ``config.yaml``, is ``artifacts/<name>`` there."""
        assert self._run is not None, "init comes before log_artifact"
        copy = os.path.join(self._run.dir, _path_in_run(name))
        with placed(copy) as new:
            link_whole(path, new)
        inside = [os.path.join(folder, file) for folder, _, files in os.walk(copy) for file in files]
        for file in inside if os.path.isdir(copy) else [copy]:
            self._run.save(glob.escape(file), base_path=self._run.dir, policy="now")

    def finish(self, status: Status) -> None:
        """End the run: exit code 0 if it finished, 1 if not; W&B is told of a preemption."""
        if self._run is None:
            return
        with self._losing():
            if status is Status.PREEMPTED:
                self._run.mark_preempting()
            self._run.finish(exit_code=0 if status is Status.FINISHED else 1)
            self._run = None
            self._need_whole_file()

    def _need_whole_file(self) -> None:
        """W&B's process writes an offline run's end a moment after it said that all is done."""
        from ._wandb_file import held_by

        until = time.monotonic() + _FINISH_SECONDS
        while self._file and os.path.exists(self._file) and not held_by(self._file).has_exit:
            if time.monotonic() > until or not is_core(core_pid()):
                raise TrackerLost(f"W&B did not write all of {self._file}: the rest is written anew")
            time.sleep(0.01)

    def close(self) -> None:
        """End the run with exit code 0."""
        self.finish(Status.FINISHED)

    def is_transient(self, error: BaseException) -> bool:
        """The network's errors, as W&B calls them too."""
        import wandb

        if isinstance(error, FileNotFoundError):
            return False
        return isinstance(error, OSError | wandb.errors.CommError) or super().is_transient(error)


def _line(name: str | None, limit: int = _NAME_LENGTH) -> str | None:
    return None if name is None else in_one_line(redact_text(name), limit)


def _group_of(begin: Begin) -> str | None:
    """The runs inside one run are a group of W&B's."""
    if begin.parent is None:
        return None
    return f"{os.path.basename(begin.parent.output_run)}-{begin.parent.uid[:6]}"


def _has_secret(argv: Sequence[str]) -> bool:
    """Whether a command line shows a secret: ``--token=x``, or ``--token x``."""
    return bool(redact(list(argv)) != list(argv))


def _path_in_run(name: str) -> str:
    """Where an artifact lies in the run's files: never out of them, and never where W&B writes a file of its own."""
    path = os.path.normpath(os.sep + name).lstrip(os.sep)
    is_wandbs = path in _WANDBS_FILES or path.startswith("wandb")
    return os.path.join("artifacts", path) if is_wandbs else path


# Source: wandb.sdk.lib.filenames of wandb 0.31.
_WANDBS_FILES = frozenset("config.yaml requirements.txt output.log diff.patch conda-environment.yaml".split())

_OWN_SETTINGS: dict[str, Any] = {
    "console": "off",
    "silent": True,
    "reinit": "create_new",
    "init_timeout": 30.0,
    "finish_timeout": _FINISH_SECONDS,
    "disable_git": False,
    "save_code": False,
    "x_transaction_log_flush_interval": 1.0,  # W&B's own is 15 s, all of which a SIGKILL would cost
}
