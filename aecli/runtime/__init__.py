"""The running process: threads, other processes of the same job, progress and optional packages."""
