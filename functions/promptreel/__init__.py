"""promptreel: a written idea becomes a finished multi-scene film, paid for once."""
