"""A compiled workflow and how it runs: steps are small frozen objects, each able to run itself in a frame."""
