"""What an event file of TensorBoard holds: events, each with its length and checksums.

TensorBoard is imported when the first event is made: neither TensorFlow nor PyTorch is needed.
"""

from __future__ import annotations

import io
import struct
import textwrap
import wave
from collections.abc import Mapping
from typing import Any

from .._journal.records import Begin, Histogram, Status

_BEFORE_ALL_STEPS = -(2**63)
_GIF = b"GIF8"
_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by PNG's type of colour


def head(begin: Begin, params: Mapping[str, Any], *, replaces: bool) -> bytes:
    """What comes first in a file: its format, whether it replaces what came before, the params."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    began = begin.time / 1000
    made = [Event(wall_time=began, file_version="brain.Event:2")]
    if replaces:
        start = SessionLog(status=SessionLog.SessionStatus.START)
        made.append(Event(wall_time=began, step=_BEFORE_ALL_STEPS, session_log=start))
    made.append(Event(wall_time=began, summary=hparams_pb(dict(params), trial_id=begin.uid, start_time_secs=began)))
    return b"".join(map(_framed, made))


def scalars(time: int, step: int, values: Mapping[str, float]) -> bytes:
    """Values by their tags, at ``time`` in milliseconds since 1970, UTC."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return event(time, step, Summary(value=[Summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]))


def histogram(tag: str, told: Histogram) -> bytes:
    """Bins with their upper edges, which is how TensorBoard has them."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    number = sum(told.counts)
    bars = HistogramProto(
        min=told.min,
        max=told.max,
        num=number,
        sum=told.mean * number,
        sum_squares=(told.std * told.std + told.mean * told.mean) * number,
        bucket_limit=told.edges[1:],
        bucket=told.counts,
    )
    return event(told.time, told.step, Summary(value=[Summary.Value(tag=tag, histo=bars)]))


def event(time: int, step: int, summary: Any) -> bytes:
    """A summary at a step."""
    from tensorboard.compat.proto.event_pb2 import Event

    return _framed(Event(wall_time=time / 1000, step=int(step), summary=summary))


def image(tag: str, content: bytes) -> Any:
    """The summary of a PNG or GIF file; None where it is none."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    if content.startswith(_GIF) and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        moving = Summary.Image(width=width, height=height, colorspace=3, encoded_image_string=content)
        return Summary(value=[Summary.Value(tag=tag, image=moving)])
    if not content.startswith(_PNG) or len(content) < 26:
        return None
    width, height, _, colours = struct.unpack(">IIBB", content[16:26])
    channels = _CHANNELS.get(colours, 3)
    picture = Summary.Image(width=width, height=height, colorspace=channels, encoded_image_string=content)
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def sound(tag: str, content: bytes) -> Any:
    """The summary of a WAV file; None where it is none."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    try:
        with wave.open(io.BytesIO(content)) as file:
            audio = Summary.Audio(
                sample_rate=file.getframerate(),
                num_channels=file.getnchannels(),
                length_frames=file.getnframes(),
                encoded_audio_string=content,
                content_type="audio/wav",
            )
    except (wave.Error, EOFError):
        return None
    return Summary(value=[Summary.Value(tag=tag, audio=audio)])


def text(tag: str, content: bytes) -> Any:
    """The summary of a text, as UTF-8; TensorBoard takes it as Markdown."""
    from tensorboard.plugins.text.summary_v2 import text_pb

    return text_pb(tag, content)


def verbatim(text: str) -> str:
    """``text`` as Markdown that shows it as it is."""
    return textwrap.indent(text, "    ", lambda line: True)


def end(status: Status, time: int) -> bytes:
    """How a run ended. ``tensorboard.plugins.hparams.summary`` would make it too, and import TensorFlow where
    it is installed."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    ended = api_pb2.STATUS_SUCCESS if status is Status.FINISHED else api_pb2.STATUS_FAILURE
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=ended, end_time_secs=time / 1000))
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return event(time, 0, Summary(value=[value]))


def _framed(made: Any) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    RecordWriter(buffer).write(made.SerializeToString())
    return buffer.getvalue()
