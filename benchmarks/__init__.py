"""Measurements against peers: run by hand, in no test. ``pip install -e '.[bench]'``, then ``python -m benchmarks``."""
