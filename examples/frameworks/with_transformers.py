"""Hugging Face's Trainer: a small network learns to double."""

import torch
from transformers import Trainer, TrainingArguments

from tracklib.integrations.transformers import TracklibCallback


class Doubles(torch.nn.Module):  # type: ignore[misc]  # untyped, as all frameworks are to us
    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        guess = self.line(x)
        return {"loss": torch.nn.functional.mse_loss(guess, labels), "logits": guess}


data = [{"x": torch.tensor([n / 10]), "labels": torch.tensor([n / 5])} for n in range(32)]
args = TrainingArguments("runs/transformers", num_train_epochs=4, logging_steps=4, report_to="none", learning_rate=0.1)

trainer = Trainer(Doubles(), args, train_dataset=data, eval_dataset=data, callbacks=[TracklibCallback([])])
trainer.train()
trainer.evaluate()
