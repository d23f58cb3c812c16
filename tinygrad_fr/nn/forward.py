"""What type-checkers read of a Module: a call gives what its forward says that it gives."""

from typing import Any, Protocol, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Forward(Protocol[R_co]):
    """Anything with a forward, whatever it takes."""

    def forward(self, *args: Any, **kwargs: Any) -> R_co:
        """Compute the output."""
