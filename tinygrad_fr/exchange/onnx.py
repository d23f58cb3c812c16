"""Models written as ONNX files."""


def to_onnx() -> None:
    pass
