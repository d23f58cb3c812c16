"""Models taken over from PyTorch."""


def from_torch() -> None:
    pass
