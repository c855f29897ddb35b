"""Who a process is: each row of the table, whoever is asked in the process itself, and what is left over."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import time
import types
import warnings
from pathlib import Path

import pytest
from patience import PATIENT

from tracklib import RunDirectoryError, TrackerWarning, tracking
from tracklib._journal.state import load_begin
from tracklib._run import rank as ranks
from tracklib._run.rank import LAUNCHERS, Launcher, Rank, who_am_i

NAMES = {name for row in LAUNCHERS for name in (row.rank, *row.sizes, *row.given, row.node)}


@pytest.fixture(autouse=True)
def _nobody_numbers_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "LOCAL_WORLD_SIZE", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for package in ("torch.distributed", "jax", "jax._src.distributed", "mpi4py", "mpi4py.MPI"):
        monkeypatch.delitem(sys.modules, package, raising=False)
    ranks._say_left_over.cache_clear()


def told(monkeypatch: pytest.MonkeyPatch, **environment: int | str) -> Rank:
    with monkeypatch.context() as within, warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, value in environment.items():
            within.setenv(name, str(value))
        return who_am_i()


def variables_of(row: Launcher, rank: int, size: int) -> dict[str, int | str]:
    counted: dict[str, int | str] = {row.rank: rank, **dict.fromkeys(row.sizes[:1], size)}
    return {**dict.fromkeys(row.given, 0), **counted}


def test_without_a_launcher_a_process_is_rank_0() -> None:
    assert who_am_i() == Rank(0, None, "")


@pytest.mark.parametrize("row", LAUNCHERS, ids=lambda row: row.rank)
def test_each_launcher_tells_the_rank_and_the_size(monkeypatch: pytest.MonkeyPatch, row: Launcher) -> None:
    size = 4 if row.sizes else None
    assert told(monkeypatch, **variables_of(row, 3, 4)) == Rank(3, size, row.rank)
    assert told(monkeypatch, **variables_of(row, 0, 4)) == Rank(0, size, row.rank)


@pytest.mark.parametrize("row", [row for row in LAUNCHERS if row.sizes], ids=lambda row: row.rank)
@pytest.mark.parametrize(("rank", "size"), [(1, 1), (5, 4)])
def test_a_rank_that_is_not_below_its_size_is_left_over_and_said_to_be_once(
    monkeypatch: pytest.MonkeyPatch, row: Launcher, rank: int, size: int
) -> None:
    for name, value in variables_of(row, rank, size).items():
        monkeypatch.setenv(name, str(value))
    with pytest.warns(TrackerWarning, match=f"{row.rank} says rank {rank}, of {size} ranks: that is left over") as said:
        assert who_am_i().number == 0
        assert who_am_i().number == 0
    assert len(said) == 1
    assert said[0].filename == __file__


@pytest.mark.parametrize("name", ["RANK", "NODE_RANK"])
def test_a_rank_by_a_general_name_and_without_any_size_is_left_over(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.warns(TrackerWarning, match=f"{name} says rank 1, without a size"):
        assert who_am_i() == Rank(0, None, "")


def test_a_launchers_own_name_is_believed_without_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, OMPI_COMM_WORLD_RANK=1) == Rank(1, None, "OMPI_COMM_WORLD_RANK")


def test_what_is_left_over_is_not_said_where_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, RANK=0).number == 0
    assert told(monkeypatch, RANK=1, OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2).by == "OMPI_COMM_WORLD_RANK"


@pytest.mark.parametrize("nonsense", ["", "one", "-1", "1.5"])
def test_a_rank_that_is_no_whole_number_leaves_the_word_to_the_next(
    monkeypatch: pytest.MonkeyPatch, nonsense: str
) -> None:
    assert told(monkeypatch, RANK=nonsense, WORLD_SIZE=4, PMI_RANK=2, PMI_SIZE=4).number == 2


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        ({"LOCAL_RANK": 1, "NODE_RANK": 0, "WORLD_SIZE": 2}, 1),
        ({"LOCAL_RANK": 0, "NODE_RANK": 0, "WORLD_SIZE": 2}, 0),
        ({"LOCAL_RANK": 1, "NODE_RANK": 0}, 1),
        ({"LOCAL_RANK": 3, "WORLD_SIZE": 4}, 3),
        ({"LOCAL_RANK": 1, "NODE_RANK": 2, "LOCAL_WORLD_SIZE": 4, "WORLD_SIZE": 12}, 9),
        ({"NODE_RANK": 1, "WORLD_SIZE": 4}, 1),  # the further machine's first process, which sets the rest later
        ({"LOCAL_RANK": 3}, 0),
    ],
)
def test_lightnings_launcher_numbers_a_process_on_its_machine(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, int], number: int
) -> None:
    assert told(monkeypatch, **environment).number == number


def test_the_first_process_of_another_machine_is_not_rank_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, LOCAL_RANK=0, NODE_RANK=1, WORLD_SIZE=4).number != 0


def test_mpirun_within_sbatch_is_believed_before_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    inherited = {"SLURM_PROCID": 0, "SLURM_STEP_ID": 0, "SLURM_NTASKS": 8}
    assert told(monkeypatch, **inherited, OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2).number == 1


def test_torchrun_under_srun_is_believed_before_slurm_which_numbers_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told(monkeypatch, RANK=0, WORLD_SIZE=8, SLURM_PROCID=1, SLURM_STEP_ID=0, SLURM_NTASKS=2).number == 0


def test_slurm_numbers_the_tasks_of_a_step_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, SLURM_PROCID=2, SLURM_NTASKS=8).number == 0
    assert told(monkeypatch, SLURM_PROCID=2, SLURM_NTASKS=8, SLURM_STEP_ID=0).number == 2


@pytest.mark.slow
def test_a_directory_in_use_names_the_process_the_host_since_when_and_what_another_rank_would_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
        import sys
        from tracklib import tracking
        with tracking(output_run="run"):
            print("begun", flush=True)
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as owner:  # fmt: skip
        assert owner.stdout is not None
        assert owner.stdout.readline() == "begun\n"
        begun = load_begin(str(tmp_path / "run"))
        assert begun is not None
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begun.time / 1000))
        whose = re.escape(f"(process {owner.pid} on {socket.gethostname()} has had it since {since}).")
        with pytest.raises(RunDirectoryError, match=f"{whose}.*nothing numbers it.*rank=1"):
            tracking(output_run=tmp_path / "run").__enter__()
        with pytest.raises(RunDirectoryError, match="has had it") as caught:
            tracking(output_run=tmp_path / "run", rank=0).__enter__()
        assert "rank=" not in str(caught.value)
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.raises(RunDirectoryError, match="as RANK says"):
            tracking(output_run=tmp_path / "run").__enter__()
        owner.communicate()


@pytest.mark.slow
def test_a_directory_that_this_process_has_is_said_to_be_its_own(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path), pytest.raises(RunDirectoryError, match=f"this process, {os.getpid()}, on"):
        tracking(output_run=tmp_path).__enter__()


# Who numbers the ranks in this process ----------------------------------------------------------------


@pytest.fixture
def another_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")


def put(monkeypatch: pytest.MonkeyPatch, name: str, **has: object) -> None:
    monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**has))


def put_torch(monkeypatch: pytest.MonkeyPatch, initialised: bool, available: bool = True) -> None:
    put(
        monkeypatch,
        "torch.distributed",
        is_available=lambda: available,
        is_initialized=lambda: initialised,
        get_rank=lambda: 1,
        get_world_size=lambda: 2,
    )


def put_mpi(monkeypatch: pytest.MonkeyPatch, size: int = 2, initialised: bool = True, finalised: bool = False) -> None:
    world = types.SimpleNamespace(Get_rank=lambda: 1, Get_size=lambda: size)
    put(
        monkeypatch,
        "mpi4py.MPI",
        COMM_WORLD=world,
        Is_initialized=lambda: initialised,
        Is_finalized=lambda: finalised,
    )


def put_jax(monkeypatch: pytest.MonkeyPatch, initialised: bool) -> None:
    told = types.SimpleNamespace(is_initialized=lambda: initialised)
    put(monkeypatch, "jax", distributed=told, process_index=lambda: 1, process_count=lambda: 2)


@pytest.mark.usefixtures("another_tells")
def test_torch_is_asked_once_its_process_group_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    put_torch(monkeypatch, initialised=False)
    assert who_am_i().by == "RANK"
    put_torch(monkeypatch, initialised=True, available=False)
    assert who_am_i().by == "RANK"
    put_torch(monkeypatch, initialised=True)
    assert who_am_i() == Rank(1, 2, "torch.distributed")


@pytest.mark.usefixtures("another_tells")
def test_jax_is_asked_once_its_processes_know_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    put_jax(monkeypatch, initialised=False)
    assert who_am_i().by == "RANK"
    put_jax(monkeypatch, initialised=True)
    assert who_am_i() == Rank(1, 2, "jax.distributed")


@pytest.mark.usefixtures("another_tells")
def test_jax_is_asked_so_that_its_backend_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "jax", distributed=types.SimpleNamespace(is_initialized=pytest.fail), process_index=pytest.fail)
    state = types.SimpleNamespace(client=None, process_id=1, num_processes=2)
    put(monkeypatch, "jax._src.distributed", global_state=state)
    assert who_am_i().by == "RANK"
    state.client = object()
    assert who_am_i() == Rank(1, 2, "jax.distributed")


@pytest.mark.usefixtures("another_tells")
def test_mpi4py_is_asked_while_mpi_lives_and_has_more_than_one_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ({"size": 1}, {"initialised": False}, {"finalised": True}):
        put_mpi(monkeypatch, **state)
        assert who_am_i().by == "RANK"
    put_mpi(monkeypatch)
    assert who_am_i() == Rank(1, 2, "mpi4py")


@pytest.mark.usefixtures("another_tells")
@pytest.mark.parametrize("name", ["torch.distributed", "jax", "mpi4py.MPI"])
def test_a_package_that_is_half_imported_says_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    put(monkeypatch, name)
    assert who_am_i().by == "RANK"


def run(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    (directory / "program.py").write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, "program.py"], cwd=directory, capture_output=True, text=True, timeout=PATIENT, check=False
    )


def test_nothing_is_imported_to_find_the_rank_out(tmp_path: Path) -> None:
    ran = run(
        """
        import sys
        from tracklib import tracking
        with tracking(output_run="run"): pass
        assert not {"torch", "jax", "mpi4py"} & set(sys.modules)
        """,
        tmp_path,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_torchs_spawn_makes_one_run_without_any_variable(tmp_path: Path) -> None:
    pytest.importorskip("torch.distributed")
    ran = run(
        """
        import torch.distributed as dist
        import torch.multiprocessing as mp
        from tracklib import tracking

        def train(rank):
            dist.init_process_group("gloo", init_method="file://" + __file__ + ".store", rank=rank, world_size=2)
            with tracking(output_run="run") as t:
                dist.barrier()  # both are in the block
                t.log(0, {"rank": rank})
            dist.destroy_process_group()

        if __name__ == "__main__":
            mp.spawn(train, nprocs=2)
        """,
        tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert [line.rpartition(",")[2] for line in (tmp_path / "run/metrics.csv").read_text().split()] == ["rank", "0.0"]
