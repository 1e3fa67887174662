"""The benchmark model written by hand, as an expert of each tool would.

Every peer returns sums of shape (segment, period, column) over the columns of
:data:`tests.benchmarks.peers.columns.COLUMNS` and uses its own random numbers: peers agree with the
machine within Monte Carlo error, not in bits.
"""
