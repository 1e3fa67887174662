"""What this build of the package is made of."""

from __future__ import annotations

from typing import Any

__all__ = ["build_config"]


def build_config() -> dict[str, Any]:
    """Versions, compiler, flags and instruction sets of this build and processor.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``flags``, ``instruction_sets`` (built in and usable here).

    Examples
    --------
    >>> "scalar" in build_config()["instruction_sets"]
    True
    """
    import pycore
    from pycore import _core

    return {
        "version": pycore.__version__,
        **_core.build_config(),
        "instruction_sets": list(_core.isas()),
    }
