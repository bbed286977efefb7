"""The benchmark: trio-chat beside its peers. `python -m bench.run --help` tells how to run it."""
