"""For type checkers only (test_types.py): decorated functions keep their types."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import assert_type

from tracklib import Best, CsvLogger, Metrics, Parent, Trackers, current, tracked, tracking


@tracked
def plain(x: int, *, epoch: int = 0) -> dict[str, float]:
    return {"x": x}


@tracked(epoch="step")
def with_option(x: int, step: int) -> float:
    return x / step


@tracked
async def coroutine(x: int) -> dict[str, float]:
    return {"x": x}


@tracked
def generator(n: int) -> Generator[dict[str, float], str, bool]:
    yield {"n": n}
    return True


@tracked
def iterator(n: int) -> Iterator[float]:
    yield n


@tracked
async def async_generator(n: int) -> AsyncGenerator[dict[str, float], str]:
    yield {"n": n}


@tracked()
async def async_iterator(n: int) -> AsyncIterator[float]:
    yield n


@tracked(axis="batch", every=50)
def on_another_axis(x: int) -> dict[str, float]:
    return {"x": x}


@tracked(axis="batch", epoch="i", every=50, params=True)
async def with_all_options(x: int, i: int) -> float:
    return x / i


@tracked
def gathered(losses: list[float]) -> Metrics:
    metrics = Metrics({"val/lr": "last"}, grad="max")
    for loss in losses:
        metrics.add({"loss": loss}, weight=8)
    return metrics


class Trainer:
    @tracked
    def method(self, x: int) -> dict[str, float]:
        return {"x": x}

    @classmethod
    @tracked
    def inner_class(cls, x: int) -> "Trainer":
        return cls()

    @tracked
    @classmethod
    def outer_class(cls, x: int) -> "Trainer":
        return cls()

    @staticmethod
    @tracked
    def inner_static(x: int) -> float:
        return x

    @tracked
    @staticmethod
    def outer_static(x: int) -> float:
        return x

    @tracked(epoch="step")
    async def coroutine(self, step: int) -> float:
        return step

    @tracking(output_run="runs/x")
    def run(self, seed: int) -> str:
        return str(seed)

    @tracking()
    @tracked
    def both(self, seed: int) -> float:
        return seed


@tracking([{"type": "Mlflow"}], output_run="runs/x")
def job(seed: int, *, name: str = "") -> str:
    return name


@tracking(output_run="runs/x", params=True, best={"loss": "min"})
def job_with_params(seed: int) -> str:
    return str(seed)


@tracking()
async def async_job(seed: int) -> str:
    return str(seed)


@tracking()
def generator_job(seed: int) -> Generator[int, str, bool]:
    yield seed
    return True


@tracking()
async def async_generator_job(seed: int) -> AsyncGenerator[int, str]:
    yield seed


def functions() -> None:
    assert_type(plain(1, epoch=2), dict[str, float])
    assert_type(with_option(1, step=2), float)
    assert_type(generator(1), Generator[dict[str, float], str, bool])
    assert_type(iterator(1), Iterator[float])
    assert_type(async_generator(1), AsyncGenerator[dict[str, float], str])
    assert_type(async_iterator(1), AsyncIterator[float])
    assert_type(tracked(len)([1]), int)
    assert_type(on_another_axis(1), dict[str, float])
    assert_type(gathered([1.0]), Metrics)
    assert_type(gathered([1.0])["loss"], float)
    takes: Callable[[int], float] = tracked(float)
    takes(1)


def methods(trainer: Trainer) -> None:
    assert_type(trainer.method(1), dict[str, float])
    assert_type(Trainer.method(trainer, 1), dict[str, float])
    assert_type(Trainer.inner_class(1), Trainer)
    assert_type(Trainer.outer_class(1), Trainer)
    assert_type(Trainer.inner_static(1), float)
    assert_type(trainer.outer_static(1), float)
    assert_type(trainer.run(1), str)
    assert_type(trainer.both(1), float)


def jobs() -> None:
    assert_type(job(1, name="x"), str)
    assert_type(job_with_params(1), str)
    assert_type(generator_job(1), Generator[int, str, bool])
    assert_type(async_generator_job(1), AsyncGenerator[int, str])


async def awaited(trainer: Trainer) -> None:
    assert_type(await coroutine(1), dict[str, float])
    assert_type(await trainer.coroutine(1), float)
    assert_type(await with_all_options(1, 2), float)
    assert_type(await async_job(1), str)
    async for item in async_generator(1):
        assert_type(item, dict[str, float])


def after_a_block() -> int:
    with tracking([CsvLogger(), {"type": "Wandb"}], params={"lr": 0.1}, tags=["a"], on_error="raise", rank=0) as t:
        assert_type(t, Trackers)
        t.log(epoch=1, log_dict={"loss": 0.1})
        for epoch in t.epochs(3):
            assert_type(epoch, int)
        assert_type(t.epoch, int | None)
        assert_type(t.best, dict[str, Best])
        assert_type(t.best["loss"].value, float)
    assert_type(current(), Trackers | None)
    return 1  # reached: a block swallows no exception, so a checker must not ask for a return after it


def a_run_in_a_block() -> int:
    with Trackers([CsvLogger()], "runs/x", name="a", parent=Parent(uid="u", output_run="/x"), rank=1) as t:
        assert_type(t, Trackers)
        with t.child("a", params={"lr": 0.1}, resume=False) as child:
            assert_type(child, Trackers)
    return 1


def returns_inside_a_block() -> int:
    with tracking("configs.toml"):
        return 1


async def returns_inside_an_async_block() -> int:
    async with tracking() as t:
        assert_type(t, Trackers)
        return 1


def wrong_use() -> None:
    plain("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    plain(1, epcoh=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    job()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Trainer().method("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracking(on_error="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracking(best={"loss": "lowest"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    tracking(nam="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Trackers(nam="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Trackers(system_metrics="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Trackers().child("a", parent=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Metrics(loss="average")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Metrics().add(0.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracked(every="50")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    tracked(step="epoch")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
