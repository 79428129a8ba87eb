"""A user's own pictures as keyframes: where each one stands, and how it is brought to the film's frame. Pure."""

from typing import Literal

FrameFit = Literal["crop", "pad", "extend"]
"""Cut off what exceeds the frame, add bars, or continue the picture beyond its edges by its own pixels."""

PAD_COLOUR = "#000000"
