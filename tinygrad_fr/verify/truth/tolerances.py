"""How close is close: every tolerance by its name, relative unless its sentence says otherwise."""

# --- gradients ---------------------------------------------------------------------------------

ASKED = 1e-6  # what a right gradient keeps to in float64, and what is asked for by default
SECOND_ORDER = 1e-4  # what a gradient of a gradient keeps to: differences of what is itself long
BY_DIFFERENCES = 3e-6  # what finite differences alone can tell
CONFIRMED = 1e-5  # how closely finite differences must agree with a recorded gradient
ROUNDING = {"f": 1e-4, "e": 1e-2}  # what a right gradient keeps to in float32 and float16
RIGHT_IN_FLOAT32 = 1e-3  # what large steps tell of a gradient whose forward rounds
NOTICED = 1e-6  # from where on the rounding of float32 is worth a word
BY_SLOPES = 1e-4  # what a slope along a direction keeps to, of the norms of gradient and step
SAMPLED = 1e-2  # the same where only a few directions are tried
OF_AN_ENTRY = 1e-2  # by how much of itself a small entry beside large ones is plainly wrong
BESIDE_LARGE = 1e-10  # down to which part of the largest entry small ones are looked at
EXPLAINED = 1e-12  # how closely a mistake must explain small entries beside large ones
# Absolute, per unit of the upstream gradient: a difference quotient of a forward of about 1.
NOISE, RECORDED_NOISE = 1e-11, 1e-14
# Absolute, per unit of the largest value: below it, differences do not refute a recorded gradient.
REFUTED = 1e-10
NOTHING = 1e-9  # absolute: the largest gradient that the rounding of the data may explain away
UPDATE = 4e-16  # absolute, per unit of the weights: what W - lr * dW loses of dW

# --- functions ---------------------------------------------------------------------------------

REPEATED = 1e-12  # what a function that keeps no state gives when it is called again
ALIKE = 1e-9  # two ways to compute the same values
LINEAR = 1e-8  # a sum of gradients, against the gradient for the sum of the upstreams
WRITTEN_OUT = 1e-6  # a fused operation and the same written out, float32 included

# --- kinks: one-sided slopes, extrapolated ------------------------------------------------

ONE_SIDED = 1e-6  # the step of a one-sided slope: small enough to stay on its side of the kink
GAP = 1e-7  # by how much two sides must differ, of their sizes, to be a kink
SIDE = 1e-5  # how exactly a one-sided slope is known
EQUAL_SIDES = 1e-6  # how much the sides may differ where there is no kink
VALUES = 1e-9  # absolute, per unit of the function: what its rounding does to a slope

# --- updates, rounded forwards -----------------------------------------------------------------

PROPORTIONAL = 1e-6  # an update that is a constant times the gradient
EQUAL_STEPS = 1e-3  # the steps of Adam or of a sign, which its epsilon makes differ a little
ROUNDED_FORWARD = 0.05  # what large steps can tell where the forward rounds

TINY = 1e-300  # added to nothing: what keeps a denominator from being zero
