"""``yunmeng`` whose leases of jobs are short, so that what a killed process has left is taken up soon.

``python -m benchmarks.drills.hurried COMMAND...`` runs ``yunmeng COMMAND...``. A drill that kills many processes would
wait most of its time otherwise.
"""

from typing import Final

LEASE: Final = 6.0
BEAT: Final = 1.0
"""Seconds, in place of those of `yunmeng.state.leases`."""


def main() -> None:
    from yunmeng.cli.app import main as yunmeng
    from yunmeng.state import leases

    vars(leases).update(LEASE=LEASE, BEAT=BEAT)
    yunmeng()


if __name__ == "__main__":
    main()
