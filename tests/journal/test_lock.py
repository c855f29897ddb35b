"""Who owns a run's directory: at most one live process, whatever threads, forks and kills do."""

import contextlib
import errno
import fcntl
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from forked import in_child
from somebody import as_nobody

from tracklib._journal import lease, lock
from tracklib._journal.journal import Journal
from tracklib._journal.lock import Holding, held, holding, renew, try_lock
from tracklib._journal.state import write_line
from tracklib.errors import RunDirectoryError

HOLDER = """
    import sys
    from tracklib._journal.lock import held
    from tracklib.errors import RunDirectoryError
    try:
        with held(sys.argv[1]):
            print("held", flush=True)
            sys.stdin.read()
    except RunDirectoryError as error:
        print("refused", error)
"""


def holder(directory: Any) -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_directory_has_one_owner_in_a_process(tmp_path: Path) -> None:
    with held(str(tmp_path)):
        with pytest.raises(RunDirectoryError, match="still going on"), held(str(tmp_path)):
            pass
        os.symlink(tmp_path, tmp_path / "again")
        with pytest.raises(RunDirectoryError), held(str(tmp_path / "again")):
            pass


def test_a_refused_holder_leaves_the_lock_with_its_owner(tmp_path: Path) -> None:
    with held(str(tmp_path)):
        with pytest.raises(RunDirectoryError), held(str(tmp_path)):
            pass
        assert holder(tmp_path).communicate()[0].startswith("refused")


def test_a_directory_has_one_owner_among_processes(tmp_path: Path) -> None:
    owner = holder(tmp_path)
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(RunDirectoryError, match=str(tmp_path)), held(str(tmp_path)):
        pass
    owner.communicate()
    with held(str(tmp_path)):
        pass


def test_a_killed_owner_leaves_the_lock_free(tmp_path: Path) -> None:
    owner = holder(tmp_path)
    owner.stdout.readline()
    owner.kill()
    owner.communicate()
    with held(str(tmp_path)):
        pass


def test_a_lock_is_free_when_its_block_ends_however_it_ends(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(str(tmp_path)):
        raise ZeroDivisionError
    assert holder(tmp_path).communicate("")[0] == "held\n"
    with held(str(tmp_path)):
        pass


def test_a_forked_child_that_closes_every_file_does_not_free_its_parents_lock(tmp_path: Path) -> None:
    def child() -> None:
        for fd in range(3, 64):
            with contextlib.suppress(OSError):
                os.close(fd)

    with held(str(tmp_path)):
        in_child(child)
        assert holder(tmp_path).communicate()[0].startswith("refused")


def test_a_forked_child_may_own_a_directory_that_its_parent_has_given_back(tmp_path: Path) -> None:
    go_read, go_write = os.pipe()
    with held(str(tmp_path)):
        child = os.fork()
        if child == 0:
            try:
                os.read(go_read, 1)
                with held(str(tmp_path)):
                    os._exit(0)
            finally:
                os._exit(1)
    os.write(go_write, b"x")
    assert os.waitpid(child, 0)[1] == 0
    os.close(go_read)
    os.close(go_write)


def test_of_many_threads_one_gets_the_directory(tmp_path: Path) -> None:
    barrier, over = threading.Barrier(8), threading.Barrier(8)
    got = []

    def take() -> None:
        barrier.wait()
        try:
            with held(str(tmp_path)):
                got.append("held")
                over.wait()
        except RunDirectoryError:
            got.append("refused")
            over.wait()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["held"] + ["refused"] * 7


def test_a_directory_that_is_not_there_is_the_callers_to_explain(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), held(str(tmp_path / "nowhere")):
        pass
    (tmp_path / "nowhere").mkdir()
    with held(str(tmp_path / "nowhere")):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_on_a_file_system_without_locks_a_run_goes_on_and_one_warning_says_what_may_happen(
    tmp_path: Path, number: int
) -> None:
    script = f"""
        import fcntl, os, warnings

        def no_locks(fd, how, *rest):
            raise OSError({number}, os.strerror({number}))

        fcntl.lockf = no_locks
        from tracklib import tracking
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with tracking(output_run="run") as t:
                t.log(0, {{"loss": 0.5}})
                t.flush()
            with tracking(output_run="run", resume=True) as t:
                t.log(1, {{"loss": 0.25}})
        assert {{warning.filename for warning in caught}} == {{__file__}}
        for warning in caught:
            print(warning.message)
    """
    said = run_bare(tmp_path, script).splitlines()
    assert len(said) == 2  # one for each attempt
    assert all("knows no locks" in line and "tracklib sync" in line for line in said)
    assert (tmp_path / "run/metrics.csv").read_text() == "epoch,loss\n0,0.5\n1,0.25\n"


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = fcntl.fcntl

    def refuse(*_: Any) -> Any:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    monkeypatch.setattr(
        fcntl, "fcntl", lambda fd, how, *rest: refuse() if how == fcntl.F_GETLK else real(fd, how, *rest)
    )
    monkeypatch.setattr(lease, "_SETTLE_SECONDS", 0.0)
    (tmp_path / "journal.lock").touch()


def leave_lease(folder: Path, host: str, pid: int, seconds_ago: float) -> None:
    write_line(str(folder / "journal.lease"), lease._Owner(host, pid, "token"))
    then = time.time() - seconds_ago
    os.utime(folder / "journal.lease", (then, then))


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_lease_keeps_others_out_while_it_is_renewed(tmp_path: Path) -> None:
    leave_lease(tmp_path, "another-host", 1, seconds_ago=50)
    assert holding(str(tmp_path)) is Holding.HELD
    with pytest.raises(RunDirectoryError, match="belongs to a run that is still going on"), held(str(tmp_path)):
        pass
    leave_lease(tmp_path, "another-host", 1, seconds_ago=70)
    assert holding(str(tmp_path)) is Holding.FREE
    with pytest.warns(match="knows no locks: a lease"), held(str(tmp_path)):
        assert holding(str(tmp_path)) is Holding.HELD
    assert not (tmp_path / "journal.lease").exists()


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_dead_process_of_this_host_is_not_waited_for(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    leave_lease(tmp_path, socket.gethostname(), gone.pid, seconds_ago=0)
    with pytest.warns(match="knows no locks"), held(str(tmp_path)):
        pass


@pytest.mark.usefixtures("no_locks")
def test_without_locks_another_users_process_of_this_host_is_taken_to_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_lease(tmp_path, socket.gethostname(), 1, seconds_ago=0)
    os.chmod(tmp_path / "journal.lease", 0o644)
    os.chmod(tmp_path, 0o755)
    monkeypatch.chdir(tmp_path)
    assert as_nobody(lambda: str(lease.is_live("."))) == "True"


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_damaged_lease_is_none_and_is_taken(tmp_path: Path) -> None:
    (tmp_path / "journal.lease").write_text("damaged\n")
    assert lease.is_live(str(tmp_path)) is None
    with pytest.warns(match="knows no locks"), held(str(tmp_path)):
        assert lease.is_live(str(tmp_path))


@pytest.mark.usefixtures("no_locks")
def test_where_the_file_systems_time_cannot_be_asked_a_lease_is_dated_by_this_hosts(tmp_path: Path) -> None:
    (tmp_path / f"journal.lease.{os.getpid()}.tmp").mkdir()  # where the file would be made that tells it
    leave_lease(tmp_path, "another-host", 1, seconds_ago=50)
    with pytest.raises(RunDirectoryError, match="still going on"), held(str(tmp_path)):
        pass
    leave_lease(tmp_path, "another-host", 1, seconds_ago=70)
    with pytest.warns(match="knows no locks"), held(str(tmp_path)):
        pass


@pytest.mark.usefixtures("no_locks")
def test_a_lease_is_renewed_and_its_loss_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.0)
    with pytest.warns(match="knows no locks"), held(str(tmp_path)):
        os.utime(tmp_path / "journal.lease", (0, 0))
        renew(str(tmp_path))
        assert time.time() - os.stat(tmp_path / "journal.lease").st_mtime < 50
        leave_lease(tmp_path, "another-host", 1, seconds_ago=0)
        for _ in range(2):
            renew(str(tmp_path))
    assert caplog.text.count("two processes write into one run") == 1
    assert (tmp_path / "journal.lease").exists()  # it is the other's


def test_the_error_says_that_the_directory_is_in_use_and_not_that_it_is_broken(tmp_path: Path) -> None:
    with held(str(tmp_path)), pytest.raises(RunDirectoryError) as caught, held(str(tmp_path)):
        pass
    assert caught.value.in_use


def test_the_lock_file_is_for_its_owner_alone_and_is_no_link(tmp_path: Path) -> None:
    with held(str(tmp_path)):
        assert os.stat(tmp_path / "journal.lock").st_mode & 0o777 == 0o600
    os.unlink(tmp_path / "journal.lock")
    os.symlink(tmp_path / "elsewhere", tmp_path / "journal.lock")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)), held(str(tmp_path)):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_that_another_process_holds_is_not_waited_for(tmp_path: Path) -> None:
    owner = holder(tmp_path)
    owner.stdout.readline()
    assert try_lock(str(tmp_path / "journal.lock")) is None
    owner.communicate()


def test_a_refusal_leaves_no_file_open(tmp_path: Path) -> None:
    owner = holder(tmp_path)
    owner.stdout.readline()
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        with pytest.raises(RunDirectoryError), held(str(tmp_path)):
            pass
    assert len(os.listdir("/dev/fd")) == before
    owner.communicate()


def test_the_error_names_the_process_that_holds_the_lock_where_no_run_tells_more(tmp_path: Path) -> None:
    owner = holder(tmp_path)
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(RunDirectoryError, match=rf"\(process {owner.pid} on \S+ has it\)"), held(str(tmp_path)):
        pass
    owner.communicate()


def test_a_lock_that_was_deleted_is_made_and_held_again(tmp_path: Path) -> None:
    with held(str(tmp_path)):
        (tmp_path / "journal.lock").unlink()
        assert holding(str(tmp_path)) is Holding.FREE
        renew(str(tmp_path))
        assert holding(str(tmp_path)) is Holding.HELD
        assert holder(tmp_path).communicate()[0].startswith("refused")
    assert holding(str(tmp_path)) is Holding.FREE


def test_a_lock_that_another_process_made_where_ours_was_deleted_is_left_to_it(tmp_path: Path) -> None:
    with held(str(tmp_path)):
        (tmp_path / "journal.lock").unlink()
        other = holder(tmp_path)
        assert other.stdout.readline() == "held\n"
        renew(str(tmp_path))
        assert holder(tmp_path).communicate()[0].startswith("refused")
        other.communicate()


def test_a_disk_that_refuses_a_lock_is_told_and_nothing_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EIO, "input/output error")

    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(OSError, match="input/output error"), held(str(tmp_path)):
        pass
    assert len(os.listdir("/dev/fd")) == before


def test_who_owns_what_is_no_lock_file_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "journal.lock").symlink_to("file")
    assert holding(str(tmp_path)) is Holding.UNKNOWN
    assert holding(str(tmp_path / "file")) is Holding.UNKNOWN
    assert holding(str(tmp_path / "none")) is Holding.FREE


def test_each_of_two_directories_is_held_for_itself(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with held(str(tmp_path / "a")), held(str(tmp_path / "b")):
        assert [holding(str(tmp_path / name)) for name in ("a", "b")] == [Holding.HELD, Holding.HELD]


def test_each_journal_renews_the_lock_of_its_own_run_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousand runs in one process, that is a thousand calls a second, and no million."""
    renewed: list[str] = []
    monkeypatch.setattr(lock, "_renew", lambda path, *_: renewed.append(path))
    with contextlib.ExitStack() as stack:
        for name in ("a", "b", "c"):
            (tmp_path / name).mkdir()
            stack.enter_context(held(str(tmp_path / name)))
        Journal(str(tmp_path / "b" / "journal.jsonl"), pytest.fail).sync()
    assert renewed == [str(tmp_path / "b" / "journal.lock")]
