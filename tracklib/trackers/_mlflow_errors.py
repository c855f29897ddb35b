"""What an error of MLflow's means: wait, mend something, or the record's own fault."""

from __future__ import annotations

import re

from ..errors import TrackerBlocked, TrackerUnavailable

BLOCKING = frozenset(
    "UNAUTHENTICATED PERMISSION_DENIED CUSTOMER_UNAUTHORIZED RESOURCE_DOES_NOT_EXIST NOT_FOUND "
    "ENDPOINT_NOT_FOUND INVALID_STATE NOT_IMPLEMENTED".split()
)
REFUSING = frozenset("INVALID_PARAMETER_VALUE BAD_REQUEST MALFORMED_REQUEST RESOURCE_ALREADY_EXISTS".split())

# A server hands its database's trouble on as 400 BAD_REQUEST: no connection is free in its pool, the connection was
# lost. SQLAlchemy ends each message with a link whose last part tells the kind: a timeout of the pool, an operational,
# interface, database or internal error, a transaction that was rolled back. Data that the database refuses has others.
_DATABASE = re.compile(r"QueuePool limit of size|sqlalche\.me/e/\w+/(?:3o7r|e3q8|rvf5|4xp6|2j85|8s2b|dbapi)")


def is_busy(error: BaseException) -> bool:
    """Whether it is the server's database that has trouble, whatever code the answer has."""
    return _DATABASE.search(str(error)) is not None


def is_refusal(error: BaseException) -> bool:
    """Whether what was sent is at fault, so that sending it again is of no use."""
    return _code(error) in REFUSING and not is_busy(error)


def may_pass(error: BaseException) -> bool:
    """Whether an error may pass by itself: of MLflow's client, of an upload, or of the network."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, TrackerBlocked):
        return False
    if is_busy(error):
        return True
    if isinstance(error, MlflowException):
        return _code(error) not in BLOCKING | REFUSING
    answer = getattr(error, "response", None)  # of an upload that failed
    if answer is not None:
        return bool(answer.status_code == 429 or answer.status_code >= 500)
    return isinstance(error, OSError | TrackerUnavailable) and not isinstance(error, FileNotFoundError)


def _code(error: BaseException) -> str:
    return str(getattr(error, "error_code", ""))
