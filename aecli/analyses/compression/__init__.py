"""Bytes and errors of codes beside other ways to store images."""
