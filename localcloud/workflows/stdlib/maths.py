"""``math.*``."""

import math

from localcloud.workflows.stdlib.functions import Namespace, need_number
from localcloud.workflows.values import Value, integer

namespace = Namespace()


@namespace.plain("math.abs", "x")
def absolute(x: Value) -> Value:
    need_number(x, "x")
    return integer(abs(x)) if type(x) is int else abs(x)


@namespace.plain("math.max", "x", "y")
def larger(x: Value, y: Value) -> Value:
    need_number(x, "x")
    need_number(y, "y")
    return max(x, y)


@namespace.plain("math.min", "x", "y")
def smaller(x: Value, y: Value) -> Value:
    need_number(x, "x")
    need_number(y, "y")
    return min(x, y)


@namespace.plain("math.floor", "x")
def floor(x: Value) -> Value:
    need_number(x, "x")
    return integer(math.floor(x))
