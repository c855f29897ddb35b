"""What SDKs say while they work for us: it goes to our own log, at debug, and not into the training's output."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator

from .._common.warn import OURS, mention


class _ToOurLog(logging.Filter):
    """Takes what is logged in a thread of ours; the user's own work with the same SDK says what it always said."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record goes on to where its logger sends it."""
        is_ours = record.name.split(".")[0] == "tracklib"  # a handler may serve our log and an SDK's
        if is_ours or not threading.current_thread().name.startswith(OURS):
            return True
        with contextlib.suppress(Exception):  # a message that does not fit its arguments
            mention(f"{record.name}: {record.getMessage()}")
        return False


_TO_OUR_LOG = _ToOurLog()


def keep_quiet(packages: Iterable[str], loggers: Iterable[str] = ()) -> None:
    """Have the loggers of ``packages``, those that are there now, and ``loggers`` speak to our log, in threads of ours.

    The handlers of a package's own are told as well, for the loggers that it makes later.
    """
    for package in packages:
        for handler in logging.getLogger(package).handlers:
            handler.addFilter(_TO_OUR_LOG)
        for logger in _loggers_of(package):
            logger.addFilter(_TO_OUR_LOG)
    for name in loggers:
        logging.getLogger(name).addFilter(_TO_OUR_LOG)


def _loggers_of(package: str) -> Iterator[logging.Logger]:
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and f"{name}.".startswith(f"{package}."):
            yield logger
