"""The SDK google-genai, imported at its first use so that a cold start is short, and by one thread at a time."""

from threading import Lock

_IMPORTING = Lock()


def import_interactions() -> None:
    """Import what the SDK's interactions need beside the rest: more than all of that."""
    import_sdk()
    with _IMPORTING:
        import google.genai._gaos.google_genai  # noqa: F401, PLC0415


def import_sdk() -> None:
    """Import what the adapters use of the SDK.

    Two threads that begin with different modules of a package wait for one another. Python ends that wait by handing
    out a module that is half imported, and a clip would count as perhaps paid although nothing was sent.
    """
    with _IMPORTING:
        import google.genai._interactions_errors  # noqa: PLC0415
        import google.genai.errors  # noqa: PLC0415
        import google.genai.types  # noqa: F401, PLC0415
