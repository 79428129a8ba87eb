"""What is logged: events, the end of jobs and calls, and how Cloud Logging reads a line."""
