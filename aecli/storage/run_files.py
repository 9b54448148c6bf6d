"""The names of the files in a run folder that other commands look for; imports nothing."""

MODEL_FILE = "model.safetensors"
RECIPE_FILE = "recipe.toml"
ONNX_FILE = "model.onnx"
"""Written by `aecli train` and `aecli export`."""
DETECTOR_FILE = "detector.safetensors"
"""Written by `aecli calibrate`."""
