"""Event histories: who did what when, and what it says of who stays and who leaves.

:func:`stages` recovers the stages that consumers go through unseen; :func:`survival` says how long
until they leave, where that is seen; :func:`purchases` judges customers who never say that they
left, and :func:`retention` cohorts that renew.  nutpie is imported when a model is sampled, not
before.
"""

from pycore.histories.purchases import alive, expected_purchases, purchase_history, purchases
from pycore.histories.recovery import forecast, most_likely_path, stage_probabilities
from pycore.histories.renewals import retention, retention_curve
from pycore.histories.result import HistorySummary, summary
from pycore.histories.stages import stages
from pycore.histories.survival import survival, survival_curve

__all__ = [
    "HistorySummary",
    "alive",
    "expected_purchases",
    "forecast",
    "most_likely_path",
    "purchase_history",
    "purchases",
    "retention",
    "retention_curve",
    "stage_probabilities",
    "stages",
    "summary",
    "survival",
    "survival_curve",
]
