"""A run's directory, read: no server, no lock, no SDK, and nothing is written into it.

The public shape, which the command line, the page and notebooks stand on::

    run = tracklib.load("runs/digits")           # RunDirectoryError where there is no run, or it cannot be read
    run.directory, run.name, run.uid             # str
    run.status                                   # str: "finished" "failed" "killed" "preempted" "running", or
                                                 # "running?" where nobody can say (locks do not work there)
    run.is_live                                  # status begins with "running"
    run.began, run.ended                         # datetime (UTC); ended is None while it goes on
    run.took, run.age                            # seconds: all it took; since its newest record
    run.error, run.message                       # str, "" where no exception ended it
    run.parent                                   # Parent(uid, output_run) or None
    run.damaged                                  # lines of the journal that were passed over
    run.params                                   # dict, nested as it was told; run.flat_params: "model/width" -> value
    run.tags                                     # dict[str, str], the environment's among them
    run.own_tags                                 # those that the user set
    run.environment                              # Environment: git, branch, is_dirty, python, host, os, command ...
    run.attempts                                 # list[Attempt]: number began ended status host pid error message
    run.epoch                                    # the last finished epoch, or the last step on "epoch"; None
    run.best["val/loss"]                         # Best: value step axis mode time (only what the run was asked to keep)
    run.first / .last / .min / .max["val/loss"]  # Point: value step time axis. Mapping over the names of all metrics
    run.series                                   # dict[(axis, name), Statistics]: count nans first last min max mean
    run.curve("val/loss", axis=None)             # Buckets: steps times means mins maxs (arrays), width, count
    run.metrics                                  # Table: rows as in metrics.csv, never sampled
    run.metrics["val/loss"]                      # Series: steps times values axis name; smooth(0.9), buckets(1000)
    run.artifacts["model.pt"]                    # Artifact, os.PathLike: name path sha256 size is_intact()
    run.checkpoints, run.checkpoint("best")      # of CheckpointPath, a str: epoch name metrics aliases ...
    run.notes                                    # list of Note: text axis step time
    run.children, run.previous                   # Runs
    run.refresh()                                # reads on; the run itself
    run.follow()                                 # yields records as they come, until the run's end
    run.plot("val/loss"), run.live()             # in a notebook, where all of these show themselves
    run.value("params.lr")                       # a float, str, bool or None by the names of `where`
    run.as_dict()                                # all but the points, as JSON can hold it

    runs = tracklib.runs("runs", where="val/loss < 0.3 and optimizer = adam", sort="val/loss")
    runs[0], runs["digits"], len(runs), runs.where(...), runs.sorted_by("-last.val/loss"), runs.refresh()
    runs.to_pandas(), runs.table()               # one row a run
    runs.metrics("val/loss")                     # Table, long: run axis step time value
    runs.compare()                               # Table of what differs: one row for each name, one column a run
    runs.unreadable                              # dict[directory, why] of what was passed over

    table.columns, len(table), table["name"] (run.metrics.column("epoch")), table.rows()
    table.to_pandas(), .to_polars(), .to_arrow(), __arrow_c_stream__

    reading.where.parse("a < 1")(run)            # WhereError points at the character
"""

from .collection import Runs
from .finding import load, runs
from .run import Run

__all__ = ["Run", "Runs", "load", "runs"]
