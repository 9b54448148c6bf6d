"""Recipes: everything that defines a training run."""
