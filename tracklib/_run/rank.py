"""Who this process is among the ranks of its job: the one table that says whom we ask, in which order.

First whoever numbers the ranks in this very process, if the program has imported *and* initialised it; nothing is
imported for it, and no backend begun. Then the launchers' environment variables. A rank that is not below its size
is left over from another job, or from the shell, and does not count.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from .._common import variables
from .._common.warn import warn
from ..errors import RunDirectoryError


class Rank(NamedTuple):
    """``number`` of ``size`` (None: nobody says), and ``by`` whom: a package or a variable; empty where by nobody."""

    number: int
    size: int | None
    by: str


class Launcher(NamedTuple):
    """A row: the variables of the rank and of the size, the first of which that is set counts.

    Args:
        who: sets them.
        rank: the variable.
        sizes: the variables that may tell how many ranks there are.
        given: variables, one of which must be set, as the rank alone may mean something else.
        needs_size: whether the rank alone is a left-over: its name is so general that anybody may have set it.
        node: the variable of the machine's number, where ``rank`` counts on each machine anew.
    """

    who: str
    rank: str
    sizes: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    needs_size: bool = False
    node: str = ""


LAUNCHERS = (
    Launcher("torchrun, DeepSpeed, accelerate, Ray Train", "RANK", ("WORLD_SIZE",), needs_size=True),
    Launcher("Lightning", "LOCAL_RANK", ("WORLD_SIZE",), given=("NODE_RANK", "WORLD_SIZE"), node="NODE_RANK"),
    Launcher("Lightning, on a further machine", "NODE_RANK", ("WORLD_SIZE",), needs_size=True),
    Launcher("Open MPI", "OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",)),
    Launcher("MPICH, Intel MPI", "PMI_RANK", ("PMI_SIZE",)),
    Launcher("MVAPICH2", "MV2_COMM_WORLD_RANK", ("MV2_COMM_WORLD_SIZE",)),
    Launcher("PMIx", "PMIX_RANK"),
    Launcher("PALS (HPE Cray)", "PALS_RANKID"),
    Launcher("Flux", "FLUX_TASK_RANK", ("FLUX_JOB_SIZE",)),
    Launcher("JSM (jsrun)", "JSM_NAMESPACE_RANK", ("JSM_NAMESPACE_SIZE",)),
    Launcher("Horovod", "HOROVOD_RANK", ("HOROVOD_SIZE",)),
    Launcher("submitit, on this machine", "SUBMITIT_LOCAL_GLOBALID", ("SUBMITIT_LOCAL_NTASKS",)),
    # Last, since what srun starts may be another launcher; and without a step it is the batch script or a shell.
    Launcher("srun", "SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"), given=("SLURM_STEP_ID",)),
)


def who_am_i() -> Rank:
    """This process's rank; 0 where nobody numbers it. What is left over is said once, where it would have mattered.

    Raises:
        TrackerWarning: the user's filter makes it an error.
    """
    for ask in INITIALISED:
        if known := _asked(ask):
            return known
    told = [(launcher, rank) for launcher in LAUNCHERS if (rank := _told_by(launcher))]
    left_over = [rank for launcher, rank in told if _is_left_over(rank, launcher)]
    known = next((rank for _, rank in told if rank not in left_over), Rank(0, None, ""))
    if known.number == 0 and (misleading := next((rank for rank in left_over if rank.number), None)):
        _say_left_over(misleading)
    return known


def size_of_launch(rank: int) -> int | None:
    """How many ranks there are, where the program says itself that this is ``rank``."""
    told = next(filter(None, [*map(_asked, INITIALISED), *map(_told_by, LAUNCHERS)]), None)
    return told.size if told and told.number == rank else None


def in_use(error: RunDirectoryError, rank: Rank) -> RunDirectoryError:
    """What is said to a process that took itself for rank 0, and finds the directory in use: it may be another rank."""
    why = f"as {rank.by} says" if rank.by else "since nothing numbers it"
    return RunDirectoryError(
        f"{error}. This process takes itself for rank 0, {why}: if it is another rank of that run, say which, as in "
        "tracking(..., rank=1)",
        in_use=True,
    )


def _told_by(launcher: Launcher) -> Rank | None:
    number = variables.number(launcher.rank)
    if number is None or (launcher.given and not any(map(variables.is_set, launcher.given))):
        return None
    size = next((size for name in launcher.sizes if (size := variables.number(name)) is not None), None)
    if launcher.node:  # at least not 0 on another machine, where nobody says how many ranks each has
        number += (variables.number(launcher.node) or 0) * (variables.number("LOCAL_WORLD_SIZE") or 1)
    return Rank(number, size, launcher.rank)


def _is_left_over(told: Rank, launcher: Launcher) -> bool:
    return launcher.needs_size if told.size is None else told.number >= told.size


@functools.cache
def _say_left_over(rank: Rank) -> None:
    size = "without a size" if rank.size is None else f"of {rank.size} ranks"
    warn(
        f"{rank.by} says rank {rank.number}, {size}: that is left over, and does not count. This process keeps "
        f"its run, as rank 0 does: unset {rank.by}, or say rank={rank.number} where it is right"
    )


def _asked(ask: Callable[[], Rank | None]) -> Rank | None:
    """What is half imported, or of another version, says nothing."""
    try:
        return ask()
    except Exception:
        return None


def _torch() -> Rank | None:
    module: Any = sys.modules.get("torch.distributed")
    if module is None or not module.is_available() or not module.is_initialized():
        return None
    return Rank(int(module.get_rank()), int(module.get_world_size()), "torch.distributed")


def _jax() -> Rank | None:
    """``jax.process_index()`` would begin JAX's backend, and take the machine's accelerators: it is asked last."""
    module: Any = sys.modules.get("jax")
    state: Any = getattr(sys.modules.get("jax._src.distributed"), "global_state", None)
    if getattr(state, "client", None) is not None:
        return Rank(int(state.process_id), int(state.num_processes), "jax.distributed")
    if state is not None or module is None or not module.distributed.is_initialized():
        return None
    return Rank(int(module.process_index()), int(module.process_count()), "jax.distributed")


def _mpi4py() -> Rank | None:
    """To import it initialises MPI, so that a world of one says nothing: another launcher may have begun it."""
    module: Any = sys.modules.get("mpi4py.MPI")
    if module is None or not module.Is_initialized() or module.Is_finalized() or module.COMM_WORLD.Get_size() == 1:
        return None
    return Rank(int(module.COMM_WORLD.Get_rank()), int(module.COMM_WORLD.Get_size()), "mpi4py")


INITIALISED = (_torch, _jax, _mpi4py)
