"""Anomaly detection: scores, calibration of a detector's threshold, and inspection of images."""
