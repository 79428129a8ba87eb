"""One service each: translate in, call, translate out, map errors.

No business meaning and no Settings here; SDKs are imported on first use, because import time is cold-start time.
"""
