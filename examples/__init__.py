"""Example requests, and the demo that makes a film of one of them on your machine: see `demo.py`."""
