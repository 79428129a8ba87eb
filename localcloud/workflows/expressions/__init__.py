"""The expression language: text → tokens → tree → closure. No ``eval``, nothing of steps."""
