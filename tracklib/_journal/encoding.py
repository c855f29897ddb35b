"""Records as the JSON of a journal's lines, and back; and what the line of a record of one kind holds.

``docs/reference/journal.rst`` describes the same format for readers in other languages.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

import msgspec
from msgspec.structs import force_setattr

from .._common.texts import well_formed
from .format import check_format
from .records import Log, Number, Record, Said

_encode = msgspec.json.Encoder().encode
_log_decoder = msgspec.json.Decoder(Log)


class _LooseLog(Said, frozen=True, tag="log"):
    """A log whose metrics may be the strings that JSON needs for NaN and the infinities."""

    axis: str
    step: int
    metrics: dict[str, float | Literal["nan", "inf", "-inf"]]


def _loose(log: Log, metrics: Any) -> _LooseLog:
    return _LooseLog(time=log.time, axis=log.axis, step=log.step, metrics=metrics, writer=log.writer, nth=log.nth)


_loose_decoder = msgspec.json.Decoder(_LooseLog)
_logs_decoder = msgspec.json.Decoder(list[Log])
_loose_logs_decoder = msgspec.json.Decoder(list[_LooseLog])


def encode(record: Record) -> bytes:
    """``record`` as JSON. JSON has no NaN and no infinities: they become strings."""
    try:
        body = _encode(record)
    except UnicodeEncodeError:
        return encode(msgspec.convert(well_formed(msgspec.to_builtins(record)), type(record)))
    if type(record) is Log:
        total = sum(record.metrics.values())
        if total - total != 0:  # a value is NaN or infinite, or the sum alone is: much less to look at than the JSON
            body = _encode(_loose(record, as_numbers(record.metrics)))
    return body


def as_numbers(values: Mapping[str, float]) -> dict[str, Number]:
    """``values`` as JSON has them: NaN and the infinities as strings."""
    return {name: value if value - value == 0 else cast(Number, str(value)) for name, value in values.items()}


def marker(kind: type[Record], axis: str = "") -> bytes:
    """What the line of each record of ``kind`` holds behind its CRC; of each log on ``axis``, where one is named."""
    if axis:
        return b'"axis":%b,"step":' % _encode(well_formed(axis))
    return b'","type":"%b"' % str(kind.__struct_config__.tag).encode()


SILENT = tuple(marker(kind) for kind in get_args(Record) if not kind.says)
"""The markers of the kinds that say nothing to a tracker."""


def checkpoint_marker(name: str) -> bytes:
    """What the line of each checkpoint of that name holds."""
    return b'","type":"checkpoint","name":%b,' % _encode(well_formed(name))


def best_marker(name: str) -> bytes:
    """What the line of each best value of the metric ``name`` holds."""
    return b'","type":"best","name":%b,' % _encode(well_formed(name))


def decode(body: bytes, ordinal: int) -> Record:
    """The record that :func:`encode` wrote, a log with its ``ordinal``.

    Raises:
        UnknownFormat: it begins an attempt that another version's format tells of.
        msgspec.MsgspecError: it is no record of this format.
        UnicodeDecodeError: it is no UTF-8.
    """
    try:
        if not body.startswith(b'{"type":"log"'):
            if body.startswith(b'{"type":"begin"'):
                check_format(body)
            record: Record = _decoder_of(_kind_of(body)).decode(body)
            return record
        try:
            log: Log = _log_decoder.decode(body)
        except msgspec.ValidationError:  # a string for NaN or an infinity, as a rule
            return _decode_loose(body, ordinal)
        force_setattr(log, "ordinal", ordinal)  # nobody else has it yet
        return log
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error


_KINDS = {str(kind.__struct_config__.tag).encode(): kind for kind in get_args(Record)}


def _kind_of(body: bytes) -> Any:
    """The record's type, which :func:`encode` writes first; else any."""
    tag = body[9 : body.find(b'"', 9)] if body.startswith(b'{"type":"') else b""
    return _KINDS.get(tag, Record)


@functools.cache
def _decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """Made when the first of a kind is read: of all kinds at once, it would take milliseconds of the import."""
    return msgspec.json.Decoder(kind)


def _decode_loose(body: bytes, ordinal: int) -> Log:
    return _tight(_loose_decoder.decode(body), ordinal)


def _tight(log: _LooseLog, ordinal: int = -1) -> Log:
    metrics = {name: float(value) for name, value in log.metrics.items()}
    return Log(
        time=log.time, axis=log.axis, step=log.step, metrics=metrics, ordinal=ordinal, writer=log.writer, nth=log.nth
    )


def decode_logs(bodies: Sequence[bytes]) -> list[Log] | None:
    """Logs at once, without ordinals, which takes half the time; None where :func:`decode` would not take each."""
    text = b"[%b]" % b",".join(bodies)
    logs: list[Log]
    try:
        try:
            logs = _logs_decoder.decode(text)
        except msgspec.ValidationError:  # a string for NaN or an infinity, as a rule
            logs = [_tight(log) for log in _loose_logs_decoder.decode(text)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return logs if len(logs) == len(bodies) else None  # a body may hold a comma where only one by itself is valid
