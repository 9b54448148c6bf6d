"""Models as ONNX files: written by `aecli export`, run by ONNX Runtime."""
