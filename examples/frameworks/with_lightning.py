"""Lightning: a small network learns a sine."""

import lightning.pytorch as pl
import torch

from tracklib.integrations.lightning import TracklibLogger


class Sine(pl.LightningModule):  # type: ignore[misc]  # untyped, as all frameworks are to us
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.net(x), y)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


x = torch.linspace(-3, 3, 256).unsqueeze(1)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, torch.sin(x)), batch_size=64)

logger = TracklibLogger(output_run="runs/lightning", checkpoints="end")
trainer = pl.Trainer(logger=logger, max_epochs=20, log_every_n_steps=4, enable_progress_bar=False)
trainer.fit(Sine(), loader)
