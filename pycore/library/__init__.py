"""The documents' models, one module per document."""

from pycore.library.disengagement import disengagement
from pycore.library.happiness import happiness
from pycore.library.loyalty import loyalty
from pycore.library.published import expectation_confirmation, live_streaming_drivers
from pycore.library.returns import regret_returns

__all__ = [
    "disengagement",
    "expectation_confirmation",
    "happiness",
    "live_streaming_drivers",
    "loyalty",
    "regret_returns",
]
