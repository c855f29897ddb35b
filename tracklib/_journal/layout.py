"""What lies in a run's directory, by name. Each name is written here, and nowhere else."""

from __future__ import annotations

import os

JOURNAL = "journal.jsonl"  # all that the run said; the rest can be made anew from it
LOCK = "journal.lock"  # held by the process that owns the directory
LEASE = "journal.lease"  # whose it is, where the file system knows no locks
TABLE = "metrics.csv"  # unless the user's config names it otherwise
REJECTED = "rejected.jsonl"  # records that a tracker refused for good, with the reason
CONSOLE = "console.txt"  # what the run printed
ALERTS = "alerts.jsonl"  # what alerts said, and to whom
STATE = "state"  # how far each tracker is, in <tracker>.json, and what may be computed again
ARTIFACTS = "artifacts"  # files and folders that the user gave
CHECKPOINTS = "checkpoints"  # those of the model, as files and folders
CHILDREN = "children"  # a directory like this one for each child run
PREVIOUS = "previous"  # and for each run that was here before, by its uid
WRITERS = "writers"  # what other processes said, each in a file of its own: <host>-<process>-<chance>.jsonl
RANKS = "ranks"  # how other ranks than 0 ended, where one did not end well
AGREED = "agreed"  # in there, what ranks tell each other at once
LAUNCHES = ".launch"  # beside the runs: what rank 0 leaves for the others of its launch
WANDB = "wandb"  # what W&B writes itself
TENSORBOARD = "tensorboard"  # the event files
DVCLIVE = "dvclive"  # what DVCLive writes
COMET = "comet"  # Comet's archive
NEPTUNE = "neptune"  # Neptune's database
SWANLAB = "swanlab"  # SwanLab's folder

# In the folder of states, beside those of the trackers:
BEGIN = "begin.json"  # a second copy of how the last attempt began
SUMMARY = "summary"  # each series in a few numbers, up to a place in the journal
COPIED = "copied"  # how far each writer was copied, up to a place in the journal
CURVES = "curves"  # and drawn
DELIVERING = "delivery.lock"  # held by the companion process that delivers the run
SPILLED = "spilled-"  # with the uid behind it: records of the run are in the folder for temporary files

_KEPT = (STATE, ARTIFACTS, CHECKPOINTS, WRITERS, RANKS)
_BACKENDS = (WANDB, TENSORBOARD, DVCLIVE, COMET, NEPTUNE, SWANLAB)

OWN = (JOURNAL, LOCK, LEASE, REJECTED, ALERTS, CONSOLE, CHILDREN, PREVIOUS, *_KEPT)
FOLDERS = (CHILDREN, PREVIOUS, *_KEPT, *_BACKENDS)
SET_ASIDE = (CHILDREN, REJECTED, ALERTS, CONSOLE, *_KEPT)
"""What is moved away where another run follows; with the trackers' own, and the journal."""

WITHOUT_RUNS = (*_KEPT, *_BACKENDS)
"""What a copied run in there says is not looked at."""


def journal_path(directory: str) -> str:
    """The journal of the run in ``directory``."""
    return os.path.join(directory, JOURNAL)


def run_of(path: str) -> str:
    """The directory of the run at ``path``: itself, or that of the journal."""
    return os.path.dirname(path) or os.curdir if os.path.basename(path) == JOURNAL else path


def state_path(directory: str, name: str) -> str:
    """The file ``name`` in the folder of states."""
    return os.path.join(directory, STATE, name)


def tracker_state(directory: str, tracker: str) -> str:
    """Where it is kept how far the tracker of this name is, whatever a user calls a class of his own."""
    name = f"{tracker}.json"
    return state_path(directory, f"tracker-{name}" if name.casefold() == BEGIN else name)


def is_name(name: object) -> bool:
    """Whether ``name`` is one of a file in a folder, and leads nowhere else."""
    if not isinstance(name, str) or "\0" in name or name in ("", ".", ".."):
        return False
    return os.path.basename(name) == name and len(os.fsencode(name)) <= 200


def is_own(name: str) -> bool:
    """Whether a run keeps something of this name in its directory. Some file systems take ``State`` for ``state``."""
    return name.casefold() in OWN


def is_free(name: object) -> bool:
    """Whether a user may call a file of his own in the directory so: a file's name, and none that is needed here."""
    return is_name(name) and str(name).casefold() not in (*OWN, *FOLDERS)


def checkpoint_path(directory: str, name: str) -> str:
    """The checkpoint of this name."""
    return os.path.join(directory, CHECKPOINTS, name)


def lease_path(directory: str) -> str:
    """The file that says whose the directory is, where no lock can."""
    return os.path.join(directory, LEASE)


def writer_path(directory: str, writer: str) -> str:
    """The file of the writer of this name."""
    return os.path.join(directory, WRITERS, f"{writer}.jsonl")


def writers_of(directory: str) -> dict[str, str]:
    """The writers' files in a run's directory, by the writers' names, which are in their order."""
    return _lines_in(os.path.join(directory, WRITERS))


def rank_path(directory: str, rank: int) -> str:
    """The file of the rank."""
    return os.path.join(directory, RANKS, f"{rank}.jsonl")


def ranks_of(directory: str) -> dict[int, str]:
    """The files of the ranks that have one."""
    found = _lines_in(os.path.join(directory, RANKS))
    return {int(name): path for name, path in found.items() if name.isdecimal()}


def agreed_folder(directory: str) -> str:
    """Where ranks tell each other something at once."""
    return os.path.join(directory, RANKS, AGREED)


def _lines_in(folder: str) -> dict[str, str]:
    try:
        files = sorted(os.listdir(folder))
    except OSError:
        return {}
    ending = ".jsonl"
    return {file.removesuffix(ending): os.path.join(folder, file) for file in files if file.endswith(ending)}
