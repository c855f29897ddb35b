"""An ``MlflowClient`` whose calls are bounded. Imports MLflow, so import it inside ``init`` only.

With MLflow's defaults, one call to a server that is down blocks for 247 s (seven retries of its own,
measured with 3.17), and an answer's ``Retry-After`` is lost on the way. Its settings for that are
environment variables of the whole process, which are the user's. So the REST store's one door to the
network is made anew here: one try, a timeout, and the status kept. Retrying is the delivery's work.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import InvalidUrlException, MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.store.tracking import rest_store
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking._tracking_service.client import TrackingServiceClient
from mlflow.utils.proto_json_utils import parse_dict
from mlflow.utils.rest_utils import http_request, verify_rest_response

from .._common.exclusive import alone
from .._common.secrets import error_text, redact_text
from ..errors import TrackerBlocked, TrackerUnavailable
from ._mlflow_errors import BLOCKING, is_busy
from ._request_patience import RequestPatience

_NOT_FOR_US = frozenset({401, 403, 404, 405, 407, 410, 415, 421, 451})
_TOO_MUCH = frozenset({413, 422, 431})  # of a proxy between, as a rule: fewer records at once may pass


def bounded_client(tracking_uri: str | None, timeout: float, is_over: Callable[[], bool]) -> MlflowClient:
    """A client for ``tracking_uri`` (None: MLflow's own default) whose requests are given up after ``timeout``
    seconds in which the server says nothing (after silence, twice as many), and that makes none any more once
    ``is_over()``."""
    with _alone_at_first(tracking_uri or mlflow.get_tracking_uri()):
        client = MlflowClient(tracking_uri)
    store = client._tracking_client.store
    if client.tracking_uri.startswith("databricks"):
        _need_databricks(store)
    if type(store) is RestStore:
        client._tracking_client = _BoundedService(
            client.tracking_uri, _BoundedStore(store.get_host_creds, timeout, is_over)
        )
    return client


def _need_databricks(store: Any) -> None:
    try:
        store.get_host_creds()
    except Exception as error:
        said = error_text(error).splitlines()[0]
        raise TrackerBlocked(
            f"MLflow finds no credentials for Databricks ({said}): run `databricks auth login`, or set DATABRICKS_HOST "
            "and DATABRICKS_TOKEN; `tracklib sync DIR --to ...` delivers the run elsewhere"
        ) from error


def _alone_at_first(uri: str) -> contextlib.AbstractContextManager[None]:
    """MLflow makes a database file's tables as it connects, and two processes at once spoil each other's."""
    path = uri.partition("sqlite:///")[2].partition("?")[0]
    return alone(f"{path}.tracklib-lock") if path and path != ":memory:" else contextlib.nullcontext()


class _Blocked(TrackerBlocked, MlflowException):  # type: ignore[misc]  # MLflow is untyped
    """Also an ``MlflowException``: by its code, MLflow's own store knows an experiment that is not there yet."""

    def __init__(self, message: str, error: MlflowException) -> None:
        super().__init__(message)
        self.error_code = error.error_code


class _BoundedService(TrackingServiceClient):  # type: ignore[misc]  # MLflow is untyped
    def __init__(self, tracking_uri: str, store: RestStore) -> None:
        self._store = store
        super().__init__(tracking_uri)

    @property
    def store(self) -> RestStore:
        return self._store

    def _get_artifact_repo(self, run_id: str, **resource: Any) -> Any:
        """Where the run's artifacts go. For those that pass through the server, versions before 3.5 or so would ask
        for the address that the whole process has set."""
        uri = self.get_run(run_id).info.artifact_uri
        if uri.startswith("mlflow-artifacts:"):
            return HttpArtifactRepository(MlflowArtifactsRepository.resolve_uri(uri, self.tracking_uri))
        return super()._get_artifact_repo(run_id, **resource)

    def _log_url(self, run_id: str) -> None:
        """MLflow prints where the run is into the training's output; the tracker's ``location`` says it."""


class _BoundedStore(RestStore):  # type: ignore[misc]  # MLflow is untyped
    def __init__(self, get_host_creds: Any, timeout: float, is_over: Callable[[], bool]) -> None:
        super().__init__(get_host_creds)
        self._patience = RequestPatience(timeout)
        self._is_over = is_over

    def _call_endpoint(
        self,
        api: Any,
        json_body: str | None = None,
        endpoint: str | None = None,
        retry_timeout_seconds: float | None = None,
        response_proto: Any = None,
    ) -> Any:
        """As ``RestStore._call_endpoint`` of MLflow 2.9 to 3.17, but for the retries and the timeout."""
        path, method = self._path_and_method(api)
        body = None if json_body is None else json.loads(json_body)
        response = self._request(endpoint or path, method, **{"params" if method == "GET" else "json": body})
        answer = response_proto or api.Response()
        if response.status_code != 204:
            parse_dict(js_dict=response.json(), message=answer)
        return answer

    def _path_and_method(self, api: Any) -> Any:
        """Where an API lies. Older versions keep that in the module, and know no workspaces."""
        if not hasattr(self, "_METHOD_TO_INFO"):
            return rest_store._METHOD_TO_INFO[api]
        if hasattr(self, "_validate_workspace_support_if_specified"):
            self._validate_workspace_support_if_specified()
        newer = getattr(self, "_V3_METHOD_TO_INFO", {}) if api in getattr(self, "_V3_APIS", ()) else {}
        return newer[api] if api in newer else self._METHOD_TO_INFO[api]

    def _request(self, endpoint: str, method: str, **body: Any) -> Any:
        if self._is_over():
            raise TrackerUnavailable("the run was left: it is delivered by somebody else")
        creds = self.get_host_creds()
        try:
            with self._patience.request() as timeout:
                response = http_request(
                    creds, endpoint, method, max_retries=0, timeout=timeout, raise_on_status=False, **body
                )
        except InvalidUrlException as error:
            raise TrackerBlocked(f"MLflow's tracking_uri is no URL: {error}") from error
        except MlflowException as error:
            raise TrackerUnavailable(f"{creds.host} cannot be reached: {_root(error)}") from error
        _refuse(response, endpoint, creds.host)
        return response


def _root(error: BaseException) -> str:
    """What is at the bottom of an exception that others were raised over, such as "Connection refused"."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _seconds(retry_after: str) -> float | None:
    """How long a server asks to wait: it says so in seconds, or as a date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    with contextlib.suppress(ValueError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time()) or None
    return None


def _refuse(response: Any, endpoint: str, host: str) -> None:
    """Raise what an unsuccessful answer means: wait, give up, or this record's fault."""
    status = response.status_code
    if status in (429, 503):
        wait = _seconds(response.headers.get("Retry-After", ""))
        raise TrackerUnavailable(f"MLflow answered {status} {response.reason}", retry_after=wait)
    if status == 204:
        return
    try:
        verify_rest_response(response, endpoint)
    except MlflowException as error:
        if is_busy(error):
            raise TrackerUnavailable(f"MLflow's database is busy: {error.message}") from error
        if _is_another_server(response):
            raise _Blocked(_no_mlflow(response, host), error) from error
        if error.error_code in BLOCKING or status in _NOT_FOR_US:
            said = str(error.message).removeprefix(f"{error.error_code}: ")
            raise _Blocked(f"MLflow answered {status} {error.error_code}: {said}", error) from error
        if status in _TOO_MUCH:
            raise MlflowException(f"{status} {response.reason}: {error.message}", error_code=BAD_REQUEST) from error
        raise


def _is_another_server(response: Any) -> bool:
    """Whether what answered is none of MLflow's, which says in JSON what it has not: a wrong path, a login's page."""
    if response.status_code in (404, 405):
        try:
            return "error_code" not in response.json()
        except (ValueError, TypeError):
            return True
    return bool(response.status_code < 400 and response.content.lstrip().startswith(b"<"))


def _no_mlflow(response: Any, host: str) -> str:
    title = re.search(r"<title>([^<]{1,80})", response.text[:10_000], re.IGNORECASE)
    page = f", with a page called {title[1].strip()!r}" if title else ""
    return (
        f"at {redact_text(host)} something answers that is not MLflow ({response.status_code} {response.reason}{page}"
        "): tracking_uri is the address at which a browser shows MLflow, up to the '/#/' in it"
    )
