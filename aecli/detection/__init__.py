"""Telling anomalies from normal images: a score, a threshold fitted on normal images, and verdicts."""
