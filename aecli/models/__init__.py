"""The networks and what is asked of them: torch only."""
