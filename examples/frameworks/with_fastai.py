"""fastai: a small network learns a sine."""

import torch
from fastai.basics import DataLoader, DataLoaders, Learner, mse

from tracklib.integrations.fastai import TracklibCallback

x = torch.linspace(-3, 3, 256).unsqueeze(1)
rows = list(zip(x, torch.sin(x), strict=True))
data = DataLoaders(DataLoader(rows, bs=64, num_workers=0, shuffle=True), DataLoader(rows, bs=64, num_workers=0))
net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))

ours = TracklibCallback(output_run="runs/fastai")
learner = Learner(data, net, loss_func=torch.nn.functional.mse_loss, metrics=mse, cbs=ours)
with learner.no_logging():
    learner.fit(10, 0.01)
