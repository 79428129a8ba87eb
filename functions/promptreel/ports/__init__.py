"""What the use cases need from outside, in their own words. Adapters provide it; tests/fakes replaces it.

Errors are promptreel's own: `Transient` for broken I/O, `VersionConflict` for a refused conditional write, `NotFound`.
"""
