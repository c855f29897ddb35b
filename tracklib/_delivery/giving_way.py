"""How long a delivery rests, so that the training has the interpreter's lock most of the time."""

from __future__ import annotations

from .._journal.reader import Reader

IDLE_SECONDS = 1.0
_REST = 4  # times as long as it worked
_LAG_SECONDS = 10.0
_LONGEST = 60.0  # that a slow backend is left alone


# Without it, a delivery that has much to do takes the interpreter's lock again as soon as it has let go of it,
# and the training's own Python waits for up to a switch interval (5 ms) each time. Resting in proportion to the
# work leaves the training its share. But what a delivery is behind with, it delivers while the block is left,
# where the user waits: so the further behind it is, the less it rests.
def rest_after(reader: Reader, worked: float, took: float, moved: int, latency: float = 0.0) -> float:
    """Seconds to rest after a piece of the journal; the less, the more of it lies behind.

    So records are also handed over many at a time, which takes less work than one by one. Where nothing lies behind, a
    backend that takes long to answer, as a server that many runs ask at once, is asked the less often for it.

    Args:
        reader: has read the piece.
        worked: the thread's own seconds for it.
        took: the seconds that it took.
        moved: its bytes.
        latency: seconds that the backend took to answer the last call.
    """
    if not reader.is_behind:
        return max(IDLE_SECONDS, min(_REST * latency, _LONGEST))
    lag = took * (reader.size - reader.offset) / moved  # in seconds, at this pace
    return min(_REST * worked, IDLE_SECONDS) * max(0.0, 1.0 - lag / _LAG_SECONDS)
