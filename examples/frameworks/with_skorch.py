"""skorch: a small network learns a sine."""

import numpy as np
import torch
from skorch import NeuralNetRegressor

from tracklib.integrations.skorch import TracklibCallback

x = np.linspace(-3, 3, 256, dtype="float32").reshape(-1, 1)
module = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))

ours = TracklibCallback(output_run="runs/skorch")
options = {"max_epochs": 20, "optimizer": torch.optim.Adam, "lr": 0.01, "verbose": 0}
net = NeuralNetRegressor(module, callbacks=[ours], **options)
net.fit(x, np.sin(x))
