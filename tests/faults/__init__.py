"""Fault injection: writers are killed at random moments, system calls fail, disks are full; files stay complete."""
