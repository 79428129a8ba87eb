"""``googleapis.*``: Google's REST methods called by name, with their own retries and with operations waited for."""
