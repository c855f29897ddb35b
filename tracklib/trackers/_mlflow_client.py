"""An ``MlflowClient`` whose calls are bounded. Imports MLflow, so import it inside ``init`` only.

With MLflow's defaults, one call to a server that is down blocks for 247 s (seven retries of its own,
measured with 3.17), and an answer's ``Retry-After`` is lost on the way. Its settings for that are
environment variables of the whole process, which are the user's. So the REST store's one door to the
network is made anew here: one try, a timeout, and the status kept. Retrying is the delivery's work.
"""

from __future__ import annotations

import json
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking._tracking_service.client import TrackingServiceClient
from mlflow.utils.proto_json_utils import parse_dict
from mlflow.utils.rest_utils import http_request, verify_rest_response

from ..errors import TrackerBlocked, TrackerUnavailable
from .mlflow import _BLOCKING


def bounded_client(tracking_uri: str | None, timeout: float) -> MlflowClient:
    """A client for ``tracking_uri`` (None: MLflow's own default) whose requests end within ``timeout`` seconds."""
    client = MlflowClient(tracking_uri)
    store = client._tracking_client.store
    if type(store) is RestStore:
        client._tracking_client = _BoundedService(client.tracking_uri, _BoundedStore(store.get_host_creds, timeout))
    return client


class _BoundedService(TrackingServiceClient):  # type: ignore[misc]  # MLflow is untyped
    def __init__(self, tracking_uri: str, store: RestStore) -> None:
        self._store = store
        super().__init__(tracking_uri)

    @property
    def store(self) -> RestStore:
        return self._store


class _BoundedStore(RestStore):  # type: ignore[misc]  # MLflow is untyped
    def __init__(self, get_host_creds: Any, timeout: float) -> None:
        super().__init__(get_host_creds)
        self._timeout = timeout

    def _call_endpoint(self, api: Any, json_body: Any = None, endpoint: Any = None, **options: Any) -> Any:
        path, method = self._METHOD_TO_INFO[api]
        body = None if json_body is None else json.loads(json_body)
        response = http_request(
            self.get_host_creds(),
            endpoint or path,
            method,
            max_retries=0,
            timeout=self._timeout,
            raise_on_status=False,
            **{"params" if method == "GET" else "json": body},
        )
        _refuse(response)
        answer = options.get("response_proto") or api.Response()
        parse_dict(js_dict=response.json(), message=answer)
        return answer


def _refuse(response: Any) -> None:
    """Raise what an unsuccessful answer means: wait, give up, or this record's fault."""
    if response.status_code in (429, 503):
        wait = response.headers.get("Retry-After", "")
        raise TrackerUnavailable(
            f"MLflow answered {response.status_code} {response.reason}",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    try:
        verify_rest_response(response, "MLflow")
    except MlflowException as error:
        if error.error_code in _BLOCKING or response.status_code in (401, 403, 404):
            raise TrackerBlocked(f"MLflow answered {response.status_code} {error.error_code}: {error.message}") from error
        raise
