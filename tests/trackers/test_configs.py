"""Configs to trackers: what they may say, and all that is wrong with them in one error."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pytest
from scripted import Scripted

from tracklib import BaseTracker, ConfigError, CsvLogger, Mlflow, Wandb
from tracklib.trackers._configs import build
from tracklib.trackers._identity import describe, type_name


class Typed(BaseTracker):
    """One option of each kind."""

    def __init__(
        self,
        *,
        needed: str,
        number: float = 1.0,
        whole: int = 1,
        words: list[str] | None = None,
        mode: Literal["a", "b"] = "a",
        more: dict[str, Any] | None = None,
        switch: bool = False,
        anything: Any = None,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.__dict__.update(needed=needed, number=number, whole=whole, words=words, mode=mode, more=more)
        self.switch, self.anything = switch, anything

    def init(self) -> None:
        """Nothing to connect to."""

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        """Kept nowhere."""


class Loose(Typed):
    def __init__(self, **options: Any) -> None:
        super().__init__(needed="", **options)


class Picky(Typed):
    def __init__(self, *, size: int = 1) -> None:
        if size > 10:
            raise ValueError("size is at most 10; token=abcdef123456")
        super().__init__(needed="")


class NeedsPackage(Typed):
    requires: ClassVar[tuple[str, ...]] = ("no_such_package_x", "json")

    def __init__(self) -> None:
        super().__init__(needed="")


class NeedsInner(NeedsPackage):
    requires = ("no_such_package_x.inner",)


class NeedsExtra(NeedsPackage):
    extra = "mlflow"


class Incomplete(BaseTracker):
    def init(self) -> None:
        """``log`` is missing."""


def problems(configs: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(configs)
    return caught.value.problems


# What is taken ----------------------------------------------------------------------------------------


def test_a_dict_and_an_object_mean_the_same() -> None:
    (built,) = build([{"type": "Wandb", "project": "x"}])
    assert type(built) is Wandb
    assert describe(built) == describe(Wandb(project="x")) == {"type": "Wandb", "project": "x"}


def test_a_tracker_object_is_taken_as_it_is() -> None:
    tracker = Scripted()
    assert build([tracker]) == [tracker]


@pytest.mark.parametrize("configs", [None, [], ()], ids=repr)
def test_no_configs_are_no_trackers(configs: Any) -> None:
    assert build(configs) == []


def test_one_config_needs_no_list() -> None:
    assert [type(tracker) for tracker in build({"type": "Mlflow"})] == [Mlflow]
    assert [type(tracker) for tracker in build(CsvLogger())] == [CsvLogger]


def test_the_order_is_kept() -> None:
    assert [type(tracker) for tracker in build([{"type": "Wandb"}, CsvLogger(), {"type": "Mlflow"}])] == [
        Wandb,
        CsvLogger,
        Mlflow,
    ]


def test_a_config_is_not_changed() -> None:
    config = {"type": "Typed", "needed": "x"}
    build([config])
    assert config == {"type": "Typed", "needed": "x"}


def test_an_imported_subclass_is_known_by_its_name() -> None:
    (tracker,) = build([{"type": "Typed", "needed": "x", "number": 2}])
    assert type(tracker) is Typed


def test_a_subclass_does_not_take_the_name_of_a_built_in() -> None:
    class Mlflow(Typed):
        pass

    (tracker,) = build([{"type": "Mlflow"}])
    assert type(tracker).__module__ == "tracklib.trackers.mlflow"


def test_a_path_names_a_class_that_is_not_imported_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "far_trackers.py").write_text(
        "from tracklib import BaseTracker\n"
        "class Outer:\n"
        "    class Far(BaseTracker):\n"
        "        def init(self): pass\n"
        "        def log(self, epoch, log_dict): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tracker,) = build([{"type": "far_trackers:Outer.Far"}])
    assert type_name(type(tracker)) == "far_trackers:Outer.Far"
    monkeypatch.delitem(sys.modules, "far_trackers")


@pytest.mark.parametrize(
    "options",
    [
        {"number": 3},
        {"number": 0.5},
        {"words": ["a"]},
        {"words": ("a", "b")},
        {"words": None},
        {"mode": "b"},
        {"more": {"a": [1]}},
        {"switch": True},
        {"anything": Ellipsis},
    ],
    ids=repr,
)
def test_a_value_of_its_options_type_is_taken(options: dict[str, Any]) -> None:
    assert len(build([{"type": "Typed", "needed": "x", **options}])) == 1


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("number", "x", "'number' must be float, got str: 'x'"),
        ("whole", 1.5, "'whole' must be int, got float: 1.5"),
        ("whole", True, "'whole' must be int, got bool: True"),
        ("words", "a", "'words' must be list[str] | None, got str: 'a'"),
        ("words", ["a", 1], "'words' must be list[str] | None, got list: ['a', 1]"),
        ("mode", "c", "'mode' must be Literal['a', 'b'], got str: 'c'"),
        ("more", ["a"], "'more' must be dict[str, Any] | None, got list: ['a']"),
        ("switch", "yes", "'switch' must be bool, got str: 'yes'"),
        ("needed", None, "'needed' must be str, got NoneType: None"),
    ],
)
def test_a_value_of_another_type_is_refused(option: str, value: Any, said: str) -> None:
    found = problems([{"type": "Typed", "needed": "x", option: value}])
    assert [line.replace('"', "'") for line in found] == [f"configs[0]: Typed's {said}"]


def test_an_option_that_takes_any_keyword_is_left_to_its_tracker() -> None:
    assert len(build([{"type": "Loose", "number": 2.0}])) == 1
    assert "Loose refused its config" in problems([{"type": "Loose", "nmber": 2.0}])[0]


def test_annotations_that_only_a_type_checker_sees_are_not_checked() -> None:
    class Hidden(Typed):
        def __init__(self, *, path: NotThere = None) -> None:  # type: ignore[name-defined]  # noqa: F821
            super().__init__(needed="")

    assert len(build([{"type": "Hidden", "path": 5}])) == 1


# What is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"), [("mlflow", "Mlflow"), ("Mlfow", "Mlflow"), ("wandb", "Wandb"), ("CSVLogger", "CsvLogger")]
)
def test_a_type_that_is_misspelt_is_told_the_right_one(name: str, meant: str) -> None:
    assert problems([{"type": name}])[0].startswith(f"configs[0]: unknown type {name!r} (did you mean {meant!r}?)")


def test_a_type_that_is_like_none_is_told_all_that_are_known() -> None:
    (said,) = problems([{"type": "xyzzyx"}])
    assert "did you mean" not in said
    for name in ("CsvLogger", "Mlflow", "Wandb", "package.module:Class"):
        assert name in said


def test_an_option_that_is_misspelt_is_told_the_right_one_and_all_that_there_are() -> None:
    (said,) = problems([{"type": "Mlflow", "experiment": "x"}])
    assert said.startswith("configs[0]: Mlflow has no option 'experiment' (did you mean 'experiment_name'?); it has ")
    assert "tracking_uri, experiment_name" in said


def test_all_problems_of_all_configs_are_in_one_error() -> None:
    configs: list[Any] = [{"type": "Mlfow"}, {"type": "Typed", "nedeed": 1, "whole": "x"}, 5, {"type": "Wandb"}]
    with pytest.raises(ConfigError) as caught:
        build(configs)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "configs[0]",
        "configs[1]",
        "configs[1]",
        "configs[1]",
        "configs[2]",
    ]
    assert str(caught.value).startswith("5 problems in the trackers' configs:\n  - configs[0]: unknown type")


def test_one_problem_is_the_whole_message() -> None:
    with pytest.raises(ConfigError) as caught:
        build(cast(Any, [5]))
    assert str(caught.value) == "configs[0]: expected a dict such as {'type': 'Mlflow'} or a tracker, got int 5"


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    assert problems([{"type": "NeedsExtra"}]) == [
        'configs[0]: NeedsExtra needs no_such_package_x; run: pip install "tracklib-ml[mlflow]"'
    ]
    assert problems([NeedsExtra()]) == problems([{"type": "NeedsExtra"}])


def test_a_missing_package_without_an_extra_is_installed_by_its_name() -> None:
    assert problems([{"type": "NeedsPackage"}]) == [
        "configs[0]: NeedsPackage needs no_such_package_x; run: pip install no_such_package_x"
    ]


def test_a_package_inside_a_missing_one_is_missing_too() -> None:
    assert "needs no_such_package_x.inner" in problems([{"type": "NeedsInner"}])[0]


def test_a_module_that_stands_in_for_a_package_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "no_such_package_x", types.ModuleType("no_such_package_x"))
    assert len(build([{"type": "NeedsPackage"}])) == 1


def test_looking_for_packages_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("mlflow", "wandb")]:
        monkeypatch.delitem(sys.modules, name)
    build([{"type": "Mlflow"}, {"type": "Wandb"}])
    assert not {"mlflow", "wandb"} & sys.modules.keys()


def test_an_abstract_class_is_told_what_it_lacks() -> None:
    assert problems([{"type": "Incomplete"}]) == ["configs[0]: Incomplete is not complete: give it log"]


@pytest.mark.parametrize("configs", [Mlflow, [Mlflow]], ids=repr)
def test_a_class_in_place_of_an_object_is_told_how_to_write_it(configs: Any) -> None:
    (said,) = problems(configs)
    assert said.endswith("Mlflow is a class: write Mlflow(...) or {'type': 'Mlflow'}")


def test_the_same_object_twice_is_refused() -> None:
    tracker = Scripted()
    assert problems([tracker, tracker]) == ["configs[1]: the same Scripted object is listed twice: make a second one"]


def test_a_tracker_that_refuses_its_config_is_quoted_without_secrets() -> None:
    assert problems([{"type": "Picky", "size": 11}]) == [
        "configs[0]: Picky refused its config: size is at most 10; token=***"
    ]


def test_a_wrong_value_that_is_secret_is_not_shown() -> None:
    class Keyed(Typed):
        def __init__(self, *, api_key: int = 0) -> None:
            super().__init__(needed="")

    assert "hunter2hunter2" not in problems([{"type": "Keyed", "api_key": "hunter2hunter2"}])[0]


# Files ------------------------------------------------------------------------------------------------

CONTENT = {
    "list.toml": '[[trackers]]\ntype = "Mlflow"\nexperiment_name = "digits"\n[[trackers]]\ntype = "Wandb"\n',
    "list.yaml": "- type: Mlflow\n  experiment_name: digits\n- type: Wandb\n",
    "key.yml": "trackers:\n- type: Mlflow\n  experiment_name: digits\n- type: Wandb\n",
    "list.json": '[{"type": "Mlflow", "experiment_name": "digits"}, {"type": "Wandb"}]',
    "key.json": '{"trackers": [{"type": "Mlflow", "experiment_name": "digits"}, {"type": "Wandb"}], "other": 1}',
    "upper.JSON": '[{"type": "Mlflow", "experiment_name": "digits"}, {"type": "Wandb"}]',
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_says_what_a_list_says(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONTENT[name])
    expected = [{"type": "Mlflow", "experiment_name": "digits"}, {"type": "Wandb"}]
    assert [describe(tracker) for tracker in build(tmp_path / name)] == expected
    assert [describe(tracker) for tracker in build(str(tmp_path / name))] == expected


def test_one_tracker_fills_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('type = "Mlflow"\n')
    assert [type(tracker) for tracker in build(tmp_path / "one.toml")] == [Mlflow]


@pytest.mark.parametrize(
    ("name", "content"), [("a.yaml", ""), ("a.json", "[]"), ("a.json", "null"), ("a.yaml", "trackers:")]
)
def test_an_empty_file_asks_for_no_trackers(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert build(tmp_path / name) == []


def test_problems_in_a_file_name_the_file_and_the_place_in_its_list(tmp_path: Path) -> None:
    path = tmp_path / "trackers.json"
    path.write_text(json.dumps([{"type": "Wandb"}, {"type": "Mlfow"}]))
    assert problems(path)[0].startswith(f"{path}[1]: unknown type 'Mlfow'")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", b"type: Mlflow", "it is no TOML: .*line 1"),
        ("a.toml", b"\xff", "it is no TOML: .*utf-8"),
        ("a.json", b"{", "it is no JSON: .*line 1"),
        ("a.yaml", b"a: [", "it is no YAML: .*"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']", "it is no YAML: .*could not determine a constructor"),
        ("a.ini", b"", r"read from .toml, .yaml, .yml or .json files, not from '.ini'"),
        ("trackers", b"", "not from a file without an ending"),
        ("a.toml", b"[tool.x]", "expected a list of configs, or the list under the key 'trackers'"),
        ("a.toml", b"trackers = 'Mlflow'", "expected a list of dicts or trackers"),
        ("a.json", b'"Mlflow"', "expected a list of dicts or trackers"),
        ("a.json", b"5", "expected a list of dicts or trackers"),
        ("a.json", b"[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_holds_no_configs_is_told_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=f"(?s){name}: .*{said}") as caught:
        build(tmp_path / name)
    assert len(caught.value.problems) == 1


def test_yaml_without_its_package_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("[]")
    assert 'to read YAML, run: pip install "tracklib-ml[yaml]"' in problems(tmp_path / "a.yaml")[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == [
        f"{str(tmp_path / 'none.toml')!r} is no file that can be read (No such file or directory)"
    ]


@pytest.mark.parametrize("name", ["Mlflow", "mlflow"])
def test_a_trackers_name_in_place_of_a_file_is_told_how_to_write_it(name: str) -> None:
    assert problems(name)[0].endswith("for the tracker of that name, write [{'type': 'Mlflow'}]")


# What the journal keeps -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {"type": "CsvLogger"},
        {"type": "CsvLogger", "csv_filename": "b.csv"},
        {
            "type": "Mlflow",
            "tracking_uri": "sqlite:////data/m.db",
            "experiment_name": "e",
            "tags": {"a": 1},
            "timeout": 3.0,
        },
        {"type": "Wandb", "mode": "offline", "tags": ["a", "b"], "settings": {"save_code": True}},
    ],
    ids=repr,
)
def test_a_config_that_was_described_builds_the_same_tracker_again(config: dict[str, Any]) -> None:
    (tracker,) = build([config])
    assert describe(tracker) == config
    (again,) = build([describe(tracker)])
    assert describe(again) == config


def test_secrets_are_masked_in_a_description() -> None:
    tracker = Mlflow(tracking_uri="https://me:hunter22@host/", params={"api_key": "abcdef", "lr": 0.1})
    assert describe(tracker) == {
        "type": "Mlflow",
        "tracking_uri": "https://***@host/",
        "params": {"api_key": "***", "lr": 0.1},
    }


def test_a_class_of_ones_own_is_described_by_its_path() -> None:
    assert describe(Scripted())["type"] == "scripted:Scripted"


def test_the_place_of_the_run_is_no_part_of_a_description() -> None:
    assert describe(CsvLogger(output_run="/x")) == {"type": "CsvLogger"}


def test_an_option_that_holds_an_array_can_be_described() -> None:
    assert describe(Typed(needed="x", anything=np.arange(3)))["needed"] == "x"


def test_a_tracker_object_is_checked_as_its_dict_is() -> None:
    with pytest.raises(ConfigError, match="Mlflow's 'timeout' must be float, got str"):
        build([Mlflow(timeout="soon")])  # type: ignore[arg-type]


def test_an_async_tracker_is_refused_with_the_mend() -> None:
    class Async(BaseTracker):
        def init(self) -> None: ...

        async def log(self, epoch: int, log_dict: Any) -> None: ...  # type: ignore[override]

    for config in (Async(), {"type": "Async"}):
        with pytest.raises(ConfigError, match=r"Async\.log is async: write it with def"):
            build([config])


@pytest.mark.parametrize("word", ["log_superseded", "finish_epoch", "is_transient", "is_answering", "is_intact"])
def test_so_is_one_with_any_word_of_the_contract_async(word: str) -> None:
    class Late(BaseTracker):
        def init(self) -> None: ...

        def log(self, epoch: int, log_dict: Any) -> None: ...

    async def later(*_: Any) -> None: ...

    setattr(Late, word, later)
    with pytest.raises(ConfigError, match=rf"Late\.{word} is async"):
        build([Late()])


def test_one_required_package_may_be_a_bare_word() -> None:
    class Bare(BaseTracker):
        requires = "no_such_package_x"  # type: ignore[assignment]

        def init(self) -> None: ...

        def log(self, epoch: int, log_dict: Any) -> None: ...

    with pytest.raises(ConfigError, match="pip install no_such_package_x"):
        build([Bare()])


def test_an_option_without_a_type_takes_anything() -> None:
    class Untyped(BaseTracker):
        def __init__(self, path) -> None:  # type: ignore[no-untyped-def]
            super().__init__()

        def init(self) -> None: ...

        def log(self, epoch: int, log_dict: Any) -> None: ...

    assert Untyped.config_schema == {"path": {"type": "Any", "required": True, "default": None}}
    assert Untyped(1).run is None


def test_what_has_no_repr_is_refused_all_the_same() -> None:
    class Evil:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ConfigError, match="got Evil '<Evil>'"):
        build([Evil()])  # type: ignore[list-item]


class Scale:
    """A type of somebody's own, for an option."""


class Scaled(BaseTracker):
    def __init__(self, scale: Scale, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)

    def init(self) -> None: ...

    def log(self, epoch: int, log_dict: Any) -> None: ...


def test_an_option_of_a_type_of_ones_own_is_checked_by_that_type() -> None:
    assert isinstance(build([{"type": "Scaled", "scale": Scale()}])[0], Scaled)
    with pytest.raises(ConfigError, match="Scaled's 'scale' must be Scale, got int"):
        build([{"type": "Scaled", "scale": 1}])
