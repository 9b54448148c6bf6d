"""Models as ONNX: written by `aecli export`, run by ONNX Runtime."""
