"""Tracked functions inside code that torch compiles."""

from pathlib import Path

import pytest
from bare import run_bare

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]

SCRIPT = """
    import torch
    from tracklib import tracked, tracking

    graphs = []

    def backend(graph, inputs):
        graphs.append([node.name for node in graph.graph.nodes if node.op.startswith("call")])
        return graph.forward

    class Net(torch.nn.Module):
        @tracked
        def step(self, x):
            return {"method": x.mean()}

        @tracked
        @classmethod
        def outer_class(cls, x):
            return {cls.__name__: x.mean()}

        @classmethod
        @tracked
        def inner_class(cls, x):
            return {"inner_class": x.mean()}

        @staticmethod
        @tracked
        def static(x):
            return {"static": x.mean()}

        def forward(self, x):
            self.outer_class(x), self.inner_class(x), self.static(x)
            return self.step(x * 2)["method"]

    @tracked
    def step(x):
        return {"function": x.mean()}

    @torch.compile(backend=backend)
    def train(x):
        return step(x * 2)["function"] + 1

    net = torch.compile(Net(), backend=backend)
    with tracking(output_run="run"):
        for i in range(3):
            assert train(torch.ones(3) * i) == 2 * i + 1
            net(torch.ones(3) * i)
    print(open("run/metrics.csv").read())
    print(graphs)
"""


def test_every_call_is_logged_and_what_is_the_users_is_compiled_and_nothing_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    *rows, _, graphs = run_bare(tmp_path, SCRIPT, options=("-W", "error::UserWarning")).splitlines()
    assert rows == [
        "epoch,function,Net,inner_class,static,method",
        "0,0.0,0.0,0.0,0.0,0.0",
        "1,2.0,1.0,1.0,1.0,2.0",
        "2,4.0,2.0,2.0,2.0,4.0",
    ]
    assert graphs.startswith("[['mul'], ['mean'], ['add'], ")
    assert set(eval("sum(" + graphs + ", [])")) == {"mul", "mean", "add"}
