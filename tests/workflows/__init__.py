"""Tests of aecli/workflows."""
