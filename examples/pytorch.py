"""Track a PyTorch training loop: tensors are logged as they are, learning rate and gradients included."""

from __future__ import annotations

import sys
from typing import Any

from tracklib import tracked, tracking

try:
    import torch
except ImportError:
    print("PyTorch is not installed, so there is nothing to show here; to install it: pip install torch")
    sys.exit(0)


@tracked
def train_epoch(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, epoch: int
) -> dict[str, Any]:
    """One step over all points; what is returned may hold tensors of one element."""
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    gradient = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    return {"loss": loss, "gradient_norm": gradient, "learning_rate": optimizer.param_groups[0]["lr"]}


def main() -> None:
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 200).unsqueeze(1)
    y = torch.sin(x)
    model = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    with tracking(output_run="runs/sine", params={"optimizer": "Adam", "hidden": 32}) as t:
        for epoch in range(200):
            train_epoch(model, optimizer, x, y, epoch)

    print("The run is in", t.output_run)


if __name__ == "__main__":
    main()
