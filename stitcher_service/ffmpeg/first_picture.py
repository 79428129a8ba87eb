"""The first picture of a track, decoded while its packets are read for other purposes."""

from contextlib import suppress
from typing import Any

import av.error


class FirstPicture:
    """Decodes until one picture is there, for what only pictures tell: how they are turned, whether interlaced."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._context.thread_count = 1
        self._is_begun = False
        self.picture: Any = None

    def offer(self, packet: Any) -> None:
        """Take the next packet of the stream, or None after the last."""
        if self.picture is not None:
            return
        if not self._is_begun and packet is not None and packet.is_keyframe:
            # Drained at once: otherwise the decoder wants more, to put pictures in order, before it gives one.
            self._decode(packet, None)
            self._context.flush_buffers()
        self._is_begun = True
        if self.picture is None:
            self._decode(packet)

    def _decode(self, *packets: Any) -> None:
        for packet in packets:
            with suppress(av.error.FFmpegError):  # a later packet may be whole; what is damaged is inspected later
                self.picture = next(iter(self._context.decode(packet)), self.picture)
