"""Accelerate: a training loop of your own."""

import torch
from accelerate import Accelerator

from tracklib.integrations.accelerate import TracklibTracker

accelerator = Accelerator(log_with=[TracklibTracker(output_run="runs/accelerate")])
accelerator.init_trackers("doubles", config={"lr": 0.1})

model = torch.nn.Linear(1, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
x = torch.linspace(-1, 1, 64, device=accelerator.device).unsqueeze(1)
try:
    for step in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), 2 * x)
        accelerator.backward(loss)
        optimizer.step()
        accelerator.log({"train/loss": loss}, step=step)
finally:  # so that an exception makes it a failure
    accelerator.end_training()
