"""What is said to one MLflow run. Each request is waited for, whatever MLFLOW_ENABLE_ASYNC_LOGGING says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._common.names import file_name
from .._common.secrets import error_text
from .._journal.records import Histogram
from ._mlflow_errors import is_refusal
from ._mlflow_limits import METRICS_PER_REQUEST, OLDER_LENGTHS, TEXT_LENGTH, TEXTS_PER_REQUEST, chunks
from ._mlflow_run import need_active

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

Kind = Literal["params", "tags"]


class Writing:
    """Writes into the run ``run_id``.

    Each call raises :class:`~tracklib.TrackerBlocked` where the run or its experiment is deleted: MLflow then refuses
    all that is said, and takes it again once somebody has restored it.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self._run_id = run_id

    def metrics(self, metrics: Sequence[Metric]) -> Iterator[int]:
        """Log metrics, at most 1,000 a request: yields how many, once each request was answered."""
        for chunk in chunks(metrics, METRICS_PER_REQUEST):
            self._send(metrics=chunk)
            yield len(chunk)

    def texts(self, kind: Kind, texts: Mapping[str, str], answered: Callable[[], None]) -> None:
        """Log params or tags. One that is too long for MLflow is kept whole as the artifact ``<kind>/<name>.txt``, its
        beginning in its place. Where some of them are refused, the others are kept.

        Args:
            kind: which of them.
            texts: by name.
            answered: called each time that the server has a further part of them.

        Raises:
            MlflowException: why the last one was refused that was.
        """
        from mlflow.entities import Param, RunTag

        entity = Param if kind == "params" else RunTag
        for name, text in texts.items():
            if len(text) > TEXT_LENGTH[kind]:
                self._keep_whole(kind, name, text)
                answered()
        short = [entity(name, text[: TEXT_LENGTH[kind]]) for name, text in texts.items()]
        refusals: list[Exception] = []
        for chunk in chunks(short, TEXTS_PER_REQUEST):
            refusals += self._send_texts(kind, chunk, answered)
        self._need_whole(kind, {name: text for name, text in texts.items() if len(text) > min(OLDER_LENGTHS)})
        if refusals:
            raise refusals[-1]

    def _send_texts(self, kind: Kind, chunk: Sequence[Any], answered: Callable[[], None]) -> list[Exception]:
        """Send params or tags; after a refusal one by one, and then cut to what an older server takes."""
        try:
            self._send(**{kind: chunk})
        except Exception as error:
            if not is_refusal(error):
                raise
            if len(chunk) > 1:
                return [refused for one in chunk for refused in self._send_texts(kind, [one], answered)]
            return self._send_cut(kind, chunk[0], error)
        answered()
        return []

    def _send_cut(self, kind: Kind, entity: Any, refused: Exception) -> list[Exception]:
        lengths = [length for length in OLDER_LENGTHS if length < len(entity.value)]
        if lengths:
            self._keep_whole(kind, entity.key, entity.value)
        for length in lengths:
            try:
                self._send(**{kind: [type(entity)(entity.key, entity.value[:length])]})
                return []
            except Exception as error:
                if not is_refusal(error):
                    raise
                refused = error
        return [refused]

    def _need_whole(self, kind: Kind, texts: Mapping[str, str]) -> None:
        """Keep those whole that an older server cut without a word, as MLFLOW_TRUNCATE_LONG_VALUES has it."""
        there = getattr(self._client.get_run(self._run_id).data, kind) if texts else {}
        for name, text in texts.items():
            if there.get(name, text) != text[: TEXT_LENGTH[kind]]:
                self._keep_whole(kind, name, text)

    def _keep_whole(self, kind: Kind, name: str, text: str) -> None:
        self.need_server()
        self._client.log_text(self._run_id, text, f"{kind}/{file_name(name)}.txt")

    def files(self, folder: str) -> None:
        """Upload all files in a folder."""
        self.need_server()
        self._client.log_artifacts(self._run_id, folder)

    def histogram(self, path: str, told: Histogram) -> None:
        """Keep it as the artifact ``path``.

        Raises:
            ValueError: the artifact store cannot be written. That is no outage of the server, which holds up metrics.
        """
        self.need_server()
        kept = {name: getattr(told, name) for name in ("name", "axis", "step", "time", "counts", "edges")}
        kept |= {name: getattr(told, name) for name in ("min", "max", "mean", "std", "odd")}
        try:
            self._client.log_text(self._run_id, json.dumps(kept, indent=1), path)
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError) or error.errno is None:
                raise
            raise ValueError(f"MLflow's artifact store cannot be written: {error_text(error)}") from error

    def need_server(self) -> None:
        """Find an outage with a bounded request: MLflow's uploads have retries of their own, for minutes."""
        need_active(self._client, self._client.get_run(self._run_id))

    def end(self, status: str, time: int | None, further: Callable[[str], None]) -> None:
        """Set the run's status; ``further`` is told each step on the way."""
        need_active(self._client, self._client.get_run(self._run_id))
        further("end")
        self._client.set_terminated(self._run_id, status, time)

    def _send(self, **entities: Sequence[Any]) -> None:
        try:
            self._client.log_batch(self._run_id, synchronous=True, **entities)
        except Exception as error:
            if is_refusal(error):
                need_active(self._client, self._client.get_run(self._run_id))
            raise
