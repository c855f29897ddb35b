"""Sounds and moving pictures, as files that a browser plays."""

from __future__ import annotations

import contextlib
import importlib
import wave
from collections.abc import Iterable, Iterator
from typing import Any

from .._common.warn import warn
from .media import channels_last, eight_bits
from .plain import plain

_MOST_CHANNELS = 8
_MOST_RATE = 768_000
_LEAST_RATE = 1 / 60  # a file has no room for a picture's time of much more than a minute
_GIF_RATE = 50  # pictures a second: browsers show a faster GIF slowly


def save_audio(audio: Any, rate: Any, path: str) -> None:
    """Samples as a WAV file of 16 bits: an array, tensor or list of floats from -1 to 1, or of integers of 8, 16 or 32
    bits, of one channel, or of channels in front or behind.

    Raises:
        TypeError: they are none of these.
        ValueError: ``rate`` is no number of samples a second, or there is no sample.
    """
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= _MOST_RATE:
        raise ValueError(f"rate must be how many samples there are in a second, as 44100; got {plain(rate)!r}")
    samples = _samples(_array(audio, "audio"))
    with wave.open(path, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def _array(values: Any, what: str) -> Any:
    try:
        numpy = importlib.import_module("numpy")
    except ImportError:
        raise ImportError(f"{what} of an array needs numpy: pip install numpy") from None
    with contextlib.suppress(AttributeError):  # torch's; numpy knows no bfloat16
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values
    try:
        return numpy.asarray(values)
    except ValueError:
        raise TypeError(f"{what} must be one array: its lists are not equally long") from None


def _samples(samples: Any) -> Any:
    """As integers of 16 bits, channels behind."""
    shape = samples.shape
    if samples.ndim == 2 and shape[0] <= _MOST_CHANNELS < shape[1]:
        samples = samples.transpose()
    if samples.ndim not in (1, 2) or samples.shape[1:] > (_MOST_CHANNELS,):
        raise TypeError(f"audio must be samples, or samples by up to {_MOST_CHANNELS} channels; its shape is {shape}")
    if not samples.size:
        raise ValueError("audio has no samples")
    kind = samples.dtype
    if kind.kind == "f":
        return _of_floats(samples)
    shift = {"int16": 0, "int32": 16, "int8": -8, "uint8": -8}.get(str(kind))
    if shift is None:
        raise TypeError(f"audio must be floats from -1 to 1, or integers of 8, 16 or 32 bits; it is of {kind}")
    if str(kind) == "uint8":
        samples = samples.astype("int16") - 128
    return samples >> shift if shift >= 0 else samples.astype("int16") << -shift


def _of_floats(samples: Any) -> Any:
    samples = importlib.import_module("numpy").where(samples == samples, samples, 0)  # NaN is silence
    loudest = max(-samples.min(), samples.max())
    if loudest > 1:
        warn(f"the audio's samples go up to {loudest:g}: what is beyond 1 is cut off")
    return (samples.clip(-1, 1) * 32767).round()


def save_video(video: Any, fps: Any, path: str) -> None:
    """Pictures one after another: an array or tensor of time by height by width, with 1, 3 or 4 channels in front of or
    behind the size, integers of 0 to 255 or floats of 0 to 1; or Pillow images or such arrays, one for each.

    Raises:
        ImportError: Pillow is not installed.
        TypeError: they are none of these, or of several sizes.
        ValueError: ``fps`` is no number of pictures a second, or there is no picture.
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not _LEAST_RATE <= fps <= 1000:
        raise ValueError(
            f"fps must be how many pictures there are in a second, as 10, from one a minute to 1000; got {plain(fps)!r}"
        )
    if path.endswith(".gif") and fps > _GIF_RATE:
        warn(f"a GIF shows at most {_GIF_RATE} pictures a second: name it with .webp for {fps:g}")
        fps = _GIF_RATE
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError("a video is written by Pillow: pip install pillow") from None
    first, *rest = _pictures(video, pillow)
    if any(each.size != first.size for each in rest):
        raise TypeError(f"a video's pictures must be of one size; they are of {sorted({each.size for each in rest})}")
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)


def _pictures(video: Any, pillow: Any) -> list[Any]:
    if hasattr(video, "__array__"):
        frames = _array(video, "video")
        if frames.ndim not in (3, 4) or not frames.size:
            raise TypeError(f"a video must be time by height by width, with 1, 3 or 4 channels; it is {frames.shape}")
        found = [pillow.fromarray(channels_last(frame)) for frame in eight_bits(frames)]
    elif isinstance(video, Iterable) and not isinstance(video, str | bytes):
        found = list(_each(video, pillow))
    else:
        raise TypeError(f"a video must be an array, or a list of pictures; got {type(video).__name__}")
    if not found:
        raise ValueError("a video needs a picture at least")
    return found


def _each(pictures: Iterable[Any], pillow: Any) -> Iterator[Any]:
    for picture in pictures:
        if hasattr(picture, "getbands"):  # Pillow's
            yield picture
        elif hasattr(picture, "__array__"):
            yield pillow.fromarray(channels_last(eight_bits(_array(picture, "video"))))
        else:
            raise TypeError(
                f"a video's pictures must be Pillow's, or arrays of pixels; one is {type(picture).__name__}"
            )
