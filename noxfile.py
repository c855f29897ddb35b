"""The checks, each in an environment of its own: ``nox -l`` lists them, ``nox -s quick-3.12`` runs one.

A Python that is not on this machine is passed over. One that pyenv has installed is found, chosen or not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]

nox.needs_version = ">=2026.10.20"
nox.options.sessions = ["quick", "lint", "docs"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"


def _let_pyenvs_pythons_be_found() -> None:
    """Put them behind what ``PATH`` has: while 3.11 is chosen, the ``python3.12`` of pyenv's shims leads nowhere."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = [str(path) for version in PYTHONS for path in sorted(root.glob(f"versions/{version}.*/bin"))]
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *installed])


_let_pyenvs_pythons_be_found()


@nox.session(python=PYTHONS)
def quick(session: nox.Session) -> None:
    """What to run while working: all but the slow tests and those that need a server; what took long is listed."""
    session.install("-e", ".[test]")
    listed = ("--durations=10", "--durations-min=0.7")
    session.run("pytest", "-m", "not slow and not server", "-n", "2", *listed, *session.posargs)


@nox.session(python=PYTHONS)
def whole(session: nox.Session) -> None:
    """Every test."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "2", *session.posargs)


KILLED = ["tests/test_kills.py", "tests/test_soak.py", "tests/test_writers_killed.py"]


@nox.session(python="3.11")
def coverage(session: nox.Session) -> None:
    """The lines and branches that the tests reach: less than ``fail_under`` is a failure. It takes half an hour.

    Without the tests whose processes are killed, which take minutes. The companion and a run's console are measured in
    their own processes: see ``tests/measured.py``.
    """
    session.install("-e", ".[test]")
    without = [f"--ignore={path}" for path in KILLED]
    session.run("pytest", "-n", "2", "--cov", "--cov-report=term", *without, *session.posargs)


MORE_FRAMEWORKS = ["catboost", "fastai", "ignite", "ray", "skorch", "stable_baselines3"]


@nox.session(python="3.11")
def frameworks(session: nox.Session) -> None:
    """The adapters, with each framework for real."""
    _install_with_torch(session, ".[frameworks,mlflow]")
    ours = [f"--ignore=tests/integrations/test_{name}.py" for name in MORE_FRAMEWORKS]
    side_by_side = ("-n", "2", "--dist", "loadfile")  # a framework is imported by one of them
    session.run("pytest", "-m", "frameworks", *side_by_side, "tests/integrations", *ours, *session.posargs)


@nox.session(python="3.11", name="frameworks-more")
def frameworks_more(session: nox.Session) -> None:
    """Those of the adapters whose frameworks are slow to begin, or less in use: not in ``.ci/run``."""
    _install_with_torch(session, ".[frameworks-more]", "matplotlib")
    files = [f"tests/integrations/test_{name}.py" for name in (*MORE_FRAMEWORKS, "examples")]
    session.run("pytest", "-m", "frameworks", *files, *session.posargs)


@nox.session(python="3.11")
def conformance(session: nox.Session) -> None:
    """The frameworks' own tests with our adapters in them; their sdists are downloaded."""
    extras = "accelerate,hydra,ignite,keras,optuna,sklearn,skorch,stable-baselines3"
    _install_with_torch(session, f".[{extras}]", "hatchling", "parameterized", "setuptools", "tensorboard")
    session.run("python", "tests/conformance/theirs.py", *session.posargs)


def _install_with_torch(session: nox.Session, *packages: str) -> None:
    """PyTorch comes first and alone, so that nothing brings another."""
    tests = ("numpy", "freezegun", "pytest>=8", "pytest-timeout", "pytest-xdist")
    session.install("torch==2.13.0")
    session.install("-e", *packages, "torch==2.13.0", *tests)


@nox.session(python="3.11")
def engines(session: nox.Session) -> None:
    """The examples of engines, each on a local cluster of its own."""
    launchers = ["hydra-joblib-launcher", "hydra-submitit-launcher", "submitit"]
    session.install("-e", ".[test,hydra]", "distributed", "optuna", "ray[tune]", *launchers)
    session.run("pytest", "-m", "engines", "tests/engines/test_engines.py", *session.posargs)


@nox.session(python="3.11")
def ranks(session: nox.Session) -> None:
    """Ranks by torchrun, torch's and Lightning's own launchers, JAX, submitit, and Open MPI where the system has it."""
    session.install("-e", ".[test]", "torch", "jax", "lightning", "submitit")
    tests = ["tests/engines/test_launchers.py", "tests/engines/test_ranks_together.py"]
    session.run("pytest", "-m", "engines", *tests, *session.posargs)


@nox.session(python="3.11")
def postgresql(session: nox.Session) -> None:
    """Sixty runs at once into a real MLflow server on PostgreSQL, where the system has that."""
    session.install("-e", ".[test]", "psycopg2-binary")
    session.run("pytest", "-m", "engines", "tests/engines/test_postgresql.py", *session.posargs)


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Style and types, of the package, its tests and its examples."""
    session.install("-e", ".[lint,test]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


BACKENDS = ["aim", "comet", "dvclive", "neptune", "swanlab", "trackio"]


@nox.session(python="3.11")
@nox.parametrize("backend", BACKENDS)
def backends(session: nox.Session, backend: str) -> None:
    """The checks of ``tracklib.testing`` with a backend's real package, each in an environment of its own."""
    session.install("-e", f".[testing,{backend}]", "pytest-timeout")
    session.run("pytest", f"tests/backends/test_{backend}.py", "--long", *session.posargs)


@nox.session(python="3.11")
def docs(session: nox.Session) -> None:
    """The pages as a site, in ``docs/_build``: a link that leads nowhere is an error, and a word that is misspelt."""
    session.install("-e", ".[all,docs,testing]")
    session.run("sphinx-build", "--quiet", "-W", "--keep-going", "-b", "html", "docs", "docs/_build")
    session.run("python", "docs/check_site.py", "docs/_build")
    session.run(
        "codespell", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "tracklib", "examples"
    )


SMALL_EXTRAS = ["console", "system", "yaml"]


@nox.session(python="3.11")
def release(session: nox.Session) -> None:
    """Both files of a release: built, checked, and the wheel used as users do on each Python, with and without extras.

    Further extras are named behind ``--``. Nothing is uploaded.
    """
    session.install("build", "twine")
    built = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "build", "--outdir", str(built))
    files = sorted(str(path) for path in built.iterdir() if path.suffix in (".whl", ".gz"))
    session.run("twine", "check", "--strict", *files)
    wheel = next(file for file in files if file.endswith(".whl"))
    program = str(Path("tests/smoke.py").resolve())
    for python in PYTHONS:
        if interpreter := shutil.which(f"python{python}"):
            for extras in ("", ",".join([*SMALL_EXTRAS, *session.posargs])):
                _use(session, interpreter, f"{wheel}[{extras}]" if extras else wheel, program)


def _use(session: nox.Session, interpreter: str, wheel: str, program: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # outside of the checkout, which must not be what is imported
        session.run(interpreter, "-m", "venv", place, external=True)
        python = f"{place}/bin/python"
        session.run(python, "-m", "pip", "install", "--quiet", wheel, external=True)
        with session.chdir(place):
            session.run(python, "-I", program, external=True)
