"""Notes: what is worth saying at a moment."""

from __future__ import annotations

from typing import Any

from .._journal.records import Note
from .._values.arguments import as_axis, as_note, shown, whole_number
from .epochs import EpochWords


class NoteWords(EpochWords):
    """Says something in words."""

    def note(self, text: str, epoch: int | None = None, *, axis: str = "epoch") -> None:
        """Note something that happens now: ``t.note("lr lowered")``. It is a marker on the report page's charts, a line
        in ``tracklib show``, and is added to the run's notes at MLflow, W&B and TensorBoard.

        Args:
            text: what to note; secrets are masked, and of more than 10,000 characters the first are kept.
            epoch: where it belongs. None takes the current epoch of :meth:`epochs`, after its loop the last one;
                without a loop, and on another axis, the last step that was logged.
            axis: what ``epoch`` counts.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``text`` or ``axis`` is no text.
            ValueError: ``text`` is empty, or ``epoch`` no whole number.
        """
        attempt = self._need_open("note")
        said, axis = as_note(text), as_axis(axis)
        step = self._step_of_note(epoch, axis)
        attempt.journal.append(Note(time=attempt.journal.now(), text=said, axis=axis, step=step))

    def _step_of_note(self, epoch: Any, axis: str) -> int | None:
        if epoch is not None:
            number = whole_number(epoch)
            if number is None:
                raise ValueError(f"epoch must be a whole number, as 7; got {shown(epoch)}")
            return number
        here = self._epoch_here if axis == "epoch" else None
        return self._steps.get(axis) if here is None else here
