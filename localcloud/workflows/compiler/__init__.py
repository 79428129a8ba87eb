"""Source tree → program, with every check the service makes at deploy.

``workspace`` is what the passes share, ``names`` resolves variables, ``expressions`` and ``templates`` build formulas,
``actions`` and ``nesting`` the steps, ``routines`` the whole. All problems are collected, not only the first.
"""
