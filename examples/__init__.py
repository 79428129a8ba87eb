"""Ideas to film, and the demo that films one of them on your own machine: start with `demo.py`."""
