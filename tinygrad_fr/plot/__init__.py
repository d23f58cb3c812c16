"""Pictures of training runs, of models and of functions, with matplotlib (the extra ``plot``).

Each function gives a matplotlib Figure that shows itself once in a notebook, with a description for
those who do not see it; pyplot does not know of it, and nothing has to be closed. What a colour
says, a shape, a line or a number says too.
"""

from .boundary import decision_boundary
from .confusion import confusion_matrix
from .flow import gradient_flow, health, through_time
from .functions import function
from .maps import activations, filters, images
from .runs import history

__all__ = [
    "activations",
    "confusion_matrix",
    "decision_boundary",
    "filters",
    "function",
    "gradient_flow",
    "health",
    "history",
    "images",
    "through_time",
]
