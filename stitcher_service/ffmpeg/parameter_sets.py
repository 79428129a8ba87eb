"""Which parameter sets each picture of an H.264 track is decoded with: joined files change them anywhere."""

from typing import Any

import av
import av.error

from stitcher_service.ffmpeg import avc

_COLOURS = ("color_primaries", "color_trc", "colorspace", "color_range")


class ParameterSetReader:
    """Follows the parameter sets of a track from packet to packet, as a decoder does."""

    def __init__(self, track: Any) -> None:
        """`track`: the codec context of the track, before a picture is decoded."""
        self._sets = avc.ParameterSets.from_avcc(bytes(track.extradata))
        self._described = {name: getattr(track, name) for name in _COLOURS}  # holds where the pictures say nothing
        self._used: tuple[bytes, bytes] | None = None
        self._first: tuple[avc.ParameterSets, bytes] | None = None  # the first picture
        self._alike: dict[bytes, bool] = {}  # by SPS: whether its pictures have the form of the first

    def read(self, packet: Any) -> tuple[bool, avc.ParameterSets | None]:
        """Whether this packet is an IDR picture, and what a decoder must know for it; call it for all, in decode order.

        The sets are None where they are unknown, or where the pictures differ from the track's first in size, format,
        shape or colours.
        """
        data = bytes(packet)
        is_idr = avc.is_idr(data)
        if packet.has_sidedata("new_extradata"):  # of another sample description
            self._sets = avc.ParameterSets.from_avcc(bytes(packet.get_sidedata("new_extradata")))
        if self._sets is None:
            return is_idr, None
        self._sets = self._sets.with_units(data)
        if is_idr:  # it alone may begin to use another SPS
            self._used = self._sets.used_by(data)
        if self._used is None:
            return is_idr, None
        sps, _ = self._used
        if sps not in self._alike:
            self._alike[sps] = self._is_alike(self._sets, data)
        return is_idr, self._sets if self._alike[sps] else None

    def _is_alike(self, sets: avc.ParameterSets, idr: bytes) -> bool:
        if self._first is None:
            self._first = (sets, idr)
            return True
        form = self._form(sets, idr)
        return form is not None and form == self._form(*self._first)

    def _form(self, sets: avc.ParameterSets, idr: bytes) -> tuple[object, ...] | None:
        """Size, format, shape and colours of one IDR picture; None if it cannot be decoded."""
        context: Any = av.CodecContext.create("h264", "r")
        context.extradata = avc.build_avcc(sets)
        for name, value in self._described.items():
            setattr(context, name, value)
        try:
            picture = next(iter((*context.decode(av.Packet(idr)), *context.decode(None))), None)
        except av.error.FFmpegError:
            return None
        if picture is None:
            return None
        shape = (context.sample_aspect_ratio or 1, picture.interlaced_frame)
        return picture.width, picture.height, picture.format.name, *shape, *(getattr(picture, n) for n in _COLOURS)
