"""``googleapis.*``: Google's REST methods called by name, with their own retries and with operations waited for.

The compiler asks `calls.signature` what a name takes and makes a `calls.CallConnector`; whatever else wants to call a
connector (an expression, ``experimental.executions.run``) awaits `calls.call_connector`.
"""
