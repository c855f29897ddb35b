"""How an alert goes out: to a webhook, or by a command."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from .._common import variables
from .._common.secret_forms import MASK
from ..errors import TrackerBlocked, TrackerUnavailable
from ._alert_address import Form, form_for, is_variable, shown_address
from ._alert_events import Event
from ._alert_telling import Uncertain

_SECONDS = 10.0
_COMMAND_SECONDS = 60.0
_DISCORD_LENGTH = 2000
_AMBIGUOUS = (504,)  # a gateway's word: what stands behind it may have taken it

# The companion ignores the signals that end its owner, and what it begins would inherit that.
_AS_ANY_PROGRAM = (
    "import os, signal, sys\n"
    "for each in (1, 2, 3, 10, 12, 15): signal.signal(each, signal.SIG_DFL)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was meant for one address goes to no other."""

    def redirect_request(self, *args: Any, **named: Any) -> None:
        """There is none."""


class Webhook:
    """An address that takes a POST of JSON.

    Args:
        url: or ``$NAME``, the environment variable that has it.
        form: None is told by the address.
    """

    def __init__(self, url: str, form: Form | None) -> None:
        self._url, self._form = url, form

    @property
    def name(self) -> str:
        """Who it is, without what is secret in the address."""
        return shown_address(self._url)

    def send(self, event: Event) -> None:
        """Post it.

        Raises:
            TrackerUnavailable: it was not taken; later it may be.
            TrackerBlocked: not until somebody mends something.
            Uncertain: nobody knows.
        """
        url = self._address()
        body = json.dumps(_said(event, self._form or form_for(url)))
        headers = {"Content-Type": "application/json", "User-Agent": "tracklib"}
        request = urllib.request.Request(url, body.encode(), headers, method="POST")
        try:
            urllib.request.build_opener(NoRedirect).open(request, timeout=_SECONDS).close()
        except urllib.error.HTTPError as error:
            error.close()
            self._answered(error)
        except urllib.error.URLError as error:  # before it was sent whole
            raise TrackerUnavailable(f"{self.name} cannot be reached: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Uncertain(f"{self.name} did not answer: {type(error).__name__}") from None

    @property
    def lacks(self) -> str:
        """What is missing to know the address; empty where nothing is."""
        if not is_variable(self._url) or variables.text(self._url[1:]):
            return ""
        return f"the variable {self._url[1:]} is not set, where the webhook's address should be"

    def _address(self) -> str:
        if self.lacks:
            raise TrackerBlocked(self.lacks)
        url = variables.text(self._url[1:]) or "" if is_variable(self._url) else self._url
        if MASK in url:
            raise TrackerBlocked(
                f"the address of {self.name} is a secret, and not kept with the run: put it into an environment "
                "variable, and write webhook='$SLACK_WEBHOOK'"
            )
        return url

    def _answered(self, error: urllib.error.HTTPError) -> None:
        told = f"{self.name} answers {error.code} {error.reason}"
        if error.code in _AMBIGUOUS:
            raise Uncertain(told) from None
        if error.code == 429 or error.code >= 500:
            waits = TrackerUnavailable(told)
            asked = error.headers.get("Retry-After", "")
            waits.retry_after = float(asked) if asked.isdecimal() else None
            raise waits from None
        raise TrackerBlocked(f"{told}: is the address still right?") from None


class Command:
    """A program, which gets the event as JSON on its standard input, and its text in ``TRACKLIB_ALERT``."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments

    @property
    def name(self) -> str:
        """The program's."""
        return self._arguments[0]

    def send(self, event: Event) -> None:
        """Run it.

        Raises:
            TrackerBlocked: an argument is masked, as it is a secret that is not kept with the run.
            Uncertain: it failed, or took too long and was ended.
        """
        if any(MASK in argument for argument in self._arguments):
            raise TrackerBlocked(f"an argument of {self.name} is a secret, and not kept with the run")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _AS_ANY_PROGRAM, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables.with_more(TRACKLIB_ALERT=event.text),
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(_said(event, "json")).encode(), timeout=_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Uncertain(f"{self.name} took more than {_COMMAND_SECONDS:g} s, and was ended") from None
        if process.returncode and shutil.which(self.name) is None:
            raise Uncertain(f"there is no program {self.name}: name one that can be run, best by its whole path")
        if process.returncode:
            raise Uncertain(f"{self.name} ended with {process.returncode}")


def _said(event: Event, form: Form) -> Mapping[str, Any]:
    if form == "slack":
        text = event.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": text}
    if form == "discord":
        return {"content": event.text[:_DISCORD_LENGTH], "allowed_mentions": {"parse": []}}
    return {"id": f"{event.facts['uid']} {event.id}", "event": event.kind, "text": event.text, **event.facts}
