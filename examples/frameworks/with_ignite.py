"""PyTorch-Ignite: a small network learns a sine."""

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import global_step_from_engine
from ignite.metrics import MeanSquaredError

from tracklib.integrations.ignite import TracklibLogger

x = torch.linspace(-3, 3, 256).unsqueeze(1)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, torch.sin(x)), batch_size=64)
net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
trainer = create_supervised_trainer(net, torch.optim.Adam(net.parameters(), lr=0.01), torch.nn.MSELoss())
evaluator = create_supervised_evaluator(net, {"mse": MeanSquaredError()})
trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(loader))

with TracklibLogger(output_run="runs/ignite") as logger:
    step = global_step_from_engine(trainer)
    logger.attach_output_handler(
        evaluator, Events.EPOCH_COMPLETED, tag="val", metric_names="all", global_step_transform=step
    )
    trainer.run(loader, max_epochs=20)
