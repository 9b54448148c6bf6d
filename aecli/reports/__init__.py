"""Reports on files (`aecli info`) and on runs (`aecli compare`)."""
