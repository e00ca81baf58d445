"""Points at which a crash test makes the product fail on purpose. Nothing happens unless TALLYSTICK_FAULTS asks for it.

The variable holds names separated by commas: `ack_before_commit` makes the event log lie about durability,
`spill_ids_early` makes the index of known ids write each batch into a file, `sort_facts_early` makes the server sort
usage facts as soon as there are any, and `crash@<point>` kills the process as it reaches one of the `POINTS`,
`JOB_POINTS`, `MOVE_POINTS` or `DEBIT_POINTS`.
"""

from __future__ import annotations

import os
import signal
from typing import Final

ACK_BEFORE_COMMIT: Final = "ack_before_commit"
SPILL_EARLY: Final = "spill_ids_early"
SORT_EARLY: Final = "sort_facts_early"

LOG_BEFORE_COMMIT: Final = "log_before_commit"
LOG_COMMITTED: Final = "log_committed_before_ack"
EVENTS_BEFORE_COMMIT: Final = "events_before_commit"
EVENTS_COMMITTED: Final = "events_committed"
LOG_PRUNED: Final = "log_pruned"
LOG_GIVEN_BACK: Final = "log_space_given_back"
COMMAND_BEFORE_COMMIT: Final = "command_before_commit"
COMMAND_COMMITTED: Final = "command_committed_before_answer"
INVOICES_BEFORE_COMMIT: Final = "invoices_before_commit"
INVOICES_COMMITTED: Final = "invoices_committed"
SECOND_LOOK_DONE: Final = "second_look_done_before_forgotten"
MIGRATION_STEP: Final = "migration_step"
FOUNDING_BEFORE_COMMIT: Final = "founding_before_commit"
FOUNDED: Final = "founded_before_ready"
FACTS_BEFORE_COMMIT: Final = "facts_sorted_before_commit"
FACTS_SORTED: Final = "facts_sorted"
IDS_HALF_WRITTEN: Final = "ids_half_written"
IDS_BEFORE_RENAME: Final = "ids_written_before_rename"
IDS_RENAMED: Final = "ids_renamed_before_old_removed"
POINTS: Final = frozenset(
    {
        LOG_BEFORE_COMMIT,
        LOG_COMMITTED,
        LOG_PRUNED,
        LOG_GIVEN_BACK,
        EVENTS_BEFORE_COMMIT,
        EVENTS_COMMITTED,
        COMMAND_BEFORE_COMMIT,
        COMMAND_COMMITTED,
        INVOICES_BEFORE_COMMIT,
        INVOICES_COMMITTED,
        SECOND_LOOK_DONE,
        MIGRATION_STEP,
        FOUNDING_BEFORE_COMMIT,
        FOUNDED,
        FACTS_BEFORE_COMMIT,
        FACTS_SORTED,
        IDS_HALF_WRITTEN,
        IDS_BEFORE_RENAME,
        IDS_RENAMED,
    }
)
JOB_ORDERED: Final = "job_ordered"
JOB_STEP_TAKEN: Final = "job_step_taken"
JOB_POINTS: Final = frozenset({JOB_ORDERED, JOB_STEP_TAKEN})
MOVE_BEFORE_COMMIT: Final = "account_move_before_commit"
MOVE_POINTS: Final = frozenset({MOVE_BEFORE_COMMIT, JOB_STEP_TAKEN})
"""The points of jobs that order nothing, but move accounts."""

DEBITS_BEFORE_COMMIT: Final = "feature_debits_before_commit"
DEBITS_COMMITTED: Final = "feature_debits_committed"
DEBIT_POINTS: Final = frozenset({DEBITS_BEFORE_COMMIT, DEBITS_COMMITTED})
"""The points of rounds whose events use features."""


def armed(fault: str) -> bool:
    """Whether a test asked for this fault."""
    return fault in os.environ.get("TALLYSTICK_FAULTS", "").split(",")


def reach(point: str) -> None:
    """Die here as from kill -9, if a test asked for it."""
    if armed(f"crash@{point}"):
        os.kill(os.getpid(), signal.SIGKILL)
