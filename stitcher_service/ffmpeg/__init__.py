"""ffmpeg and PyAV as values and one runner. Nothing here knows what a film, a cut list or a job is."""
