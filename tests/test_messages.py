"""What people write by mistake, and what it says: one table to be read for its tone. A message says what is wrong,
where, and how it is mended; it scolds nobody."""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib import Trackers, TrackerWarning, tracking
from tracklib.reading import Runs

OPTIONS = (
    "output_run, resume, name, params, leave_out, tags, best, on_nan, environment, system_metrics, alerts, console, "
    "leave, on_error, ranks, parent, rank, at_exit, group_access, preemptible, rewind_to, quiet"
)
KINDS = "Aim, Alert, Comet, Console, CsvLogger, DvcLive, Mlflow, Neptune, SwanLab, TensorBoard, Trackio, Wandb"

# In each, `t` is an open run in the folder "run", and `ended` one that has ended.
ERRORS = {
    # Trackers and their configs
    "tracking([{'project': 'x'}])": "ConfigError: configs[0]: the key 'type' is missing or no string: it names the "
    "tracker, one of {kinds}",
    "tracking([{'type': 'wandb'}])": "ConfigError: configs[0]: unknown type 'wandb' (did you mean 'Wandb'?); known are "
    "{kinds}, or 'package.module:Class'",
    "tracking(['Mlflow'])": "ConfigError: configs[0]: expected a dict such as {'type': 'Mlflow'} or a tracker, got str "
    "'Mlflow'",
    "tracking('Mlflow')": "ConfigError: 'Mlflow' is no file that can be read (No such file or directory); for the "
    "tracker of that name, write [{'type': 'Mlflow'}]",
    "tracking('none.toml')": "ConfigError: 'none.toml' is no file that can be read (No such file or directory)",
    "tracking([Mlflow])": "ConfigError: configs[0]: Mlflow is a class: write Mlflow(...) or {'type': 'Mlflow'}",
    "tracking([{'type': 'Mlflow', 'experiment': 'x'}])": "ConfigError: configs[0]: Mlflow has no option 'experiment' "
    "(did you mean 'experiment_name'?); it has tracking_uri, experiment_name, run_name, params, tags, timeout, "
    "in_process, output_run, include, exclude, rename, every",
    "tracking([{'type': 'Wandb', 'project': 1}])": "ConfigError: configs[0]: Wandb's 'project' must be str | None, got "
    "int: 1",
    "Wandb('digits')": "TypeError: Wandb takes its options by name; it has entity, project, mode, name, group, "
    "job_type, tags, notes, config, settings, alerts, in_process, output_run",
    "tracking([{'type': 'Mlfow'}, {'type': 'CsvLogger', 'csv_filename': 1}])": "ConfigError: 2 problems in the "
    "trackers' configs:\n  - configs[0]: unknown type 'Mlfow' (did you mean 'Mlflow'?); known are {kinds}, or "
    "'package.module:Class'\n  - configs[1]: CsvLogger's 'csv_filename' must be str, got int: 1",
    "tracking([CsvLogger(), CsvLogger()])": "ConfigError: two CsvLoggers write 'metrics.csv': give one of them another "
    "csv_filename",
    "CsvLogger(csv_filename='journal.jsonl')": "ValueError: csv_filename='journal.jsonl' must be a file's name without "
    "a folder, as 'metrics.csv', or an absolute path, with no name that the run's directory needs itself",
    "tracking([{'type': 'nowhere.module:Class'}])": "ConfigError: configs[0]: type 'nowhere.module:Class' cannot be "
    "imported: ModuleNotFoundError: No module named 'nowhere'",
    "t['Wandb']": "KeyError: \"no tracker 'Wandb' in this run; it has CsvLogger\"",
    # Options
    "tracking(output_dir='x')": "TypeError: tracking got an unexpected keyword argument 'output_dir': did you mean "
    "output_run? It takes {options}",
    "tracking(seed=1)": "TypeError: tracking got an unexpected keyword argument 'seed': it takes {options}",
    "tracking(output_run=3)": "TypeError: output_run must be a directory's path, as 'runs/digits'; got int",
    "tracking(tags='baseline')": "TypeError: tags must be a mapping or a list of words, as ['baseline']; got str",
    "tracking(params=[1, 2])": "TypeError: params must map names to values, as {'lr': 0.1}; got list",
    "tracking(best='loss')": "TypeError: best must map names to 'max' or 'min', as {'val/accuracy': 'max'}; got 'loss'",
    "tracking(best={'loss': 'lowest'})": "ValueError: best={'loss': 'lowest'} must say what is better: 'max' or 'min'",
    "tracking(on_error='ignore')": "ValueError: on_error must be 'warn' or 'raise', got 'ignore'",
    "tracking(leave='now')": "ValueError: leave must be 'wait' or 'later', got 'now'",
    "tracking(resume=True)": "ValueError: resume=True needs output_run: the directory of the run that goes on",
    "tracking(preemptible=True)": "ValueError: preemptible=True needs output_run: the directory by which the job finds "
    "its run again",
    # The run's directory
    "tracking(output_run=__file__)": "RunDirectoryError: output_run='{file}' cannot be used (Not a directory): choose "
    "a directory that can be written, or mend its permissions",
    "tracklib.load('nothing')": "RunDirectoryError: {folder}/nothing holds no run: there is no journal.jsonl in it; "
    "`tracklib ls DIR` lists the runs below DIR",
    # A run's life
    "Trackers().log(0, {'loss': 1})": "LifecycleError: log before init: call init() first, or use "
    "`with tracking(...) as t:`",
    "t.init()": "LifecycleError: this run has begun already: make a new Trackers (or tracking) for each run",
    "ended.log(0, {'loss': 1})": "LifecycleError: log after the end of the run: it can be logged no more; begin a new "
    "run",
    "t.finish('done')": "ValueError: status must be one of finished, failed, killed, preempted; got 'done'",
    "t.finish(error='boom')": "TypeError: finish(error=...) takes an exception, as that of `except ... as error`; got "
    "str",
    "Trackers().__exit__(None, None, None)": "LifecycleError: this run's block is left before it was entered: write "
    "`with run as t:`",
    "tracking().log(0, {'loss': 1})": "AttributeError: tracking(...) is a block: write `with tracking(...) as t:`, and "
    "t.log inside",
    "t.again()": "LifecycleError: again before the end of the run: while it goes on, log into it; else begin it first",
    "t.child('')": "ValueError: name must say which child it is, as 'fold-3'",
    "t.child('fold-3', project='x')": "TypeError: child got an unexpected keyword argument 'project': it is an "
    "option of Wandb: write [{'type': 'Wandb', 'project': ...}]. It takes resume, params, leave_out, "
    "tags, best, on_nan, environment, system_metrics, alerts, console, leave, on_error, ranks",
    # What is said in it
    "t.log()": "TypeError: log has no metrics to log: write t.log(epoch, {'loss': 0.1}), or t.log(None, {'loss': 0.1}) "
    "for the epoch that is going on",
    "t.log(0, 0.5)": "TypeError: log_dict must map names to numbers, as {'loss': 0.1}; got float",
    "t.log(0, {'loss': 1}, axis=3)": "TypeError: axis must be a name, as 'epoch' or 'batch'; got int",
    "t.log_params(0.1)": "TypeError: params must map names to values, as {'lr': 0.1}; got float",
    "t.log_artifact('model.pt')": "FileNotFoundError: [Errno 2] No such file or directory: '{folder}/model.pt'",
    "t.log_artifact('.')": "ValueError: {folder} holds the run's own directory: name a folder in it, or another "
    "output_run",
    "t.log_artifact(__file__, name='a/b')": "ValueError: name='a/b' must be a file's name without a folder, as "
    "'model.pt'",
    "t.log_figure('loss', 3)": "TypeError: a figure must be matplotlib's or plotly's; got int",
    "t.log_figure([1], 'loss')": "TypeError: log_figure takes the name first, as log_figure('sample', figure); got "
    "list first",
    "t.log_image('cat', 'cat.png')": "TypeError: an image must be Pillow's, or an array of pixels; got str; a picture "
    "that is a file is kept by log_artifact",
    "t.log_table('rows', {'a': [1, 2], 'b': [1]})": "ValueError: a table's columns must be equally long; they are "
    "{'a': 2, 'b': 1}",
    "list(t.epochs('ten'))": "ValueError: count must be a whole number of epochs from 0 on, as 20; got 'ten'",
    # What other trackers call it
    "tracklib.init(project='digits')": "AttributeError: module 'tracklib' has no attribute 'init': write with "
    "tracking(...) as t:",
    "t.log_metric('loss', 1)": "AttributeError: a run has no log_metric: write t.log(epoch, {'loss': 0.1})",
    "t.config": "AttributeError: a run has no config: write tracking(..., params=config), or t.log_params(config)",
    "t.log_parms({})": "AttributeError: 'Trackers' object has no attribute 'log_parms'",
    "tracking(output_run='run', resume='never')": "TypeError: resume must be True or False: go on with what is there, "
    "or not; got 'never'",
    # Functions
    "tracked(3)": "TypeError: @tracked decorates a function or a method, not 3",
    "tracked(epoch='step')(len)": "ValueError: len has no argument 'step'; it has obj",
    "t.inside(asyncio.sleep)": "TypeError: inside takes a plain function, whose work is done when it returns; sleep is "
    "none",
    # Looking back
    "tracklib.runs('.').where('loss <')": "WhereError: a value is wanted behind <\n  loss <\n        ^",
}

WARNINGS = {
    "tracking()\ngc.collect()": "tracking(...) was made and never entered, so nothing is tracked: write "
    "`with tracking(...) as t:`",
    "t.log('one', {'loss': 1})": "epoch 'one' is no whole number of 64 bits: 0 is taken, and the calls are counted",
    "t.log(0, {'loss': object()})": "metric 'loss' is not logged: object is no number",
    "with tracking(output_run='other', best={'acc': 'max'}) as u: u.log(0, {'accuracy': 1})": "best: 'acc' never came: "
    "did you mean 'accuracy'?",
}


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mistakes")
    names: dict[str, Any] = {"gc": gc, "tracklib": tracklib, "Trackers": Trackers, "__file__": __file__}
    exec("import asyncio\nfrom tracklib import *", names)
    with contextlib.chdir(folder), tracking(output_run="run", environment=False) as t:
        with tracking(output_run="ended", environment=False) as ended:
            pass
        yield names | {"t": t, "ended": ended}


@pytest.fixture(autouse=True)
def _no_other_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' classes are trackers, too."""
    monkeypatch.setattr("tracklib.trackers._kinds._imported", dict)


def done(program: str, names: dict[str, Any]) -> object:
    """What comes of ``program``; a block that it makes is entered."""
    try:
        found = eval(program, names)
    except SyntaxError:
        exec(program, names)
        return None
    if isinstance(found, tracking):
        with found:
            return None
    return list(found) if isinstance(found, Runs) else found


def filled(said: str) -> str:
    """``said`` of this place."""
    places = {"{kinds}": KINDS, "{options}": OPTIONS, "{file}": __file__, "{folder}": str(Path.cwd())}
    for name, text in places.items():
        said = said.replace(name, text)
    return said


@pytest.mark.filterwarnings("ignore:tracking.* was made and never entered")
@pytest.mark.parametrize("mistake", ERRORS)
def test_a_mistake_says_what_is_wrong_where_and_how_it_is_mended(namespace: dict[str, Any], mistake: str) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # the table has the kind and the whole message
        done(mistake, namespace)
    assert f"{caught.type.__name__}: {caught.value}" == filled(ERRORS[mistake])


@pytest.mark.parametrize("mistake", WARNINGS)
def test_what_is_no_error_is_a_warning_that_says_as_much(namespace: dict[str, Any], mistake: str) -> None:
    gc.collect()  # what another test has left
    with pytest.warns(TrackerWarning) as caught:
        done(mistake, namespace)
    assert [str(each.message) for each in caught] == [filled(WARNINGS[mistake])]


@pytest.mark.parametrize("said", [*ERRORS.values(), *WARNINGS.values()])
def test_nobody_is_scolded_and_nothing_is_shouted(said: str) -> None:
    words = said.lower()
    assert not re.search(r"\b(invalid|illegal|bad|wrong|fatal|please|oops|sorry|you must|should have)\b|!", words)
    assert len(said.replace("{options}", "").replace("{kinds}", "")) < 330
    assert not said.endswith(".")
