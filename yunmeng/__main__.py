"""``python -m yunmeng``."""

from yunmeng.cli import main

main()
