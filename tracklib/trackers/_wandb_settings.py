"""How W&B is set, and whether it has a key."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._common.secrets import redact
from .._common.warn import warn
from ..errors import TrackerBlocked

if TYPE_CHECKING:
    import wandb

FINISH_SECONDS = 10.0

_OWN_SETTINGS: dict[str, Any] = {
    "console": "off",
    "silent": True,
    "reinit": "create_new",
    "init_timeout": 30.0,
    "finish_timeout": FINISH_SECONDS,
    "disable_git": False,
    "save_code": False,
    "x_transaction_log_flush_interval": 1.0,  # W&B's own is 15 s, all of which a SIGKILL would cost
}


def settings_with(given: Mapping[str, Any], owner_pid: int | None) -> wandb.Settings:
    """Our own settings, with those of the config over them. An earlier version of W&B's gets of our own what it knows.

    Args:
        given: those of the config.
        owner_pid: the process whose load W&B is to measure; None is this one.

    Raises:
        TrackerBlocked: W&B does not take them.
    """
    import wandb
    from pydantic import ValidationError

    own = dict(_OWN_SETTINGS) if owner_pid is None else _OWN_SETTINGS | {"x_stats_pid": owner_pid}
    if _has_secret(sys.argv[1:]):
        own["x_disable_meta"] = True
        warn("the command line holds a secret, and W&B would keep it: its record of the machine is left out")
    try:
        known = {name: value for name, value in own.items() if name in wandb.Settings.model_fields}
        return wandb.Settings(**known | dict(given))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise TrackerBlocked(f"W&B does not take these settings ({wrong}): see wandb.Settings") from error


def need_credentials(settings: wandb.Settings, mode: str | None) -> None:
    """See that W&B has a key: else it would ask for one at the terminal, in the middle of the training's output.

    Raises:
        TrackerBlocked: it has none, and needs one.
    """
    import wandb

    merged = wandb.setup().settings.model_copy()
    merged.update_from_settings(settings)
    if (mode or merged.mode) != "online" or merged.api_key:
        return
    if not _has_key(merged.base_url):
        raise TrackerBlocked(
            "W&B has no API key: run `wandb login` once, or set WANDB_API_KEY, or choose mode='offline'"
        )


def _has_key(host: str) -> bool:
    """Whether a key for ``host`` is found where ``wandb.login`` keeps it; that itself prints, and writes settings."""
    try:
        from wandb.sdk.lib.wbauth import authenticate_session
    except ImportError:  # an earlier wandb
        from requests.utils import get_netrc_auth

        return get_netrc_auth(host) is not None
    return bool(authenticate_session(host=host, source="tracklib", prompt=False, update_session=False))


def _has_secret(argv: Sequence[str]) -> bool:
    """Whether a command line shows a secret: ``--token=x``, or ``--token x``."""
    return bool(redact(list(argv)) != list(argv))
