"""Every writer is whole or absent: killed at random moments, with each system call failing, on a full disk."""
