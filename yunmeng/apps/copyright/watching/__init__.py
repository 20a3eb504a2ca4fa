"""Pictures as they come, each checked once; findings as events; false alarms that are never shown again."""

__all__: list[str] = []
