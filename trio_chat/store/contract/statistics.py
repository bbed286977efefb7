"""Statistics of a store."""

from __future__ import annotations

import attrs


@attrs.frozen
class NodeStatistics:
    """Statistics of a store that other nodes use as well, since it was opened."""

    retries: int = 0
    """Transactions that were run again, since another node, the server or the line was in the way."""
    in_doubt: int = 0
    """Commits without an answer, of which it had to be asked whether they were made."""
    rings: int = 0
    """How often other nodes were told what was written."""
    heard: int = 0
    """How often something was heard from a node, this one included."""
    heard_at_s: float = 0.0
    """When that was, or listening began, on Trio's clock."""


@attrs.frozen
class StoreStatistics:
    """Statistics of a store since it was opened; times in seconds."""

    commits: int = 0
    events: int = 0
    repeats: int = 0
    commit_s: float = 0.0
    """Total time of all commits, writing included."""
    longest_commit_s: float = 0.0
    failures: int = 0
    """Commits and reads that failed."""
    failed_at_s: float | None = None
    """When the last commit failed, on the monotonic clock; None once another was made."""
    nodes: NodeStatistics | None = None
    """None if no other node can use the store."""

    def after_commit(self, took_s: float, *, events: int, repeats: int) -> StoreStatistics:
        """The statistics with one more commit."""
        return StoreStatistics(
            commits=self.commits + 1,
            events=self.events + events,
            repeats=self.repeats + repeats,
            commit_s=self.commit_s + took_s,
            longest_commit_s=max(self.longest_commit_s, took_s),
            failures=self.failures,
        )

    def after_failure(self, at_s: float) -> StoreStatistics:
        """The statistics with one more commit that failed."""
        return attrs.evolve(self, failures=self.failures + 1, failed_at_s=at_s)
