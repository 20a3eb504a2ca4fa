"""``python -m yunmeng``."""

from yunmeng.cli.app import main

main()
