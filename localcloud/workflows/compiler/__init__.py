"""Source tree → program, with every check the service makes at deploy.

``workspace`` is what the passes share, ``names`` resolves variables, ``expressions`` and ``templates`` build formulas,
``actions``, ``calls`` and ``nesting`` the steps, ``routines`` the whole; ``suggestions`` helps all of them complain.
All problems are collected, not only the first.
"""
