"""Every function of NumPy's namespaces with a recorded Tensor in each of its arguments.

It is right (the gradient is the numeric one), or an error of ours: never an array that lost the
gradient, and never an error in NumPy's own words. The calls are found by introspection: for each
function the first arguments out of ``GIVEN`` and ``ANYTHING`` that NumPy takes; then a Tensor takes
the place of each of them and of each option in turn, and each option is given beside it, by name
and by position.
"""

import copy
import inspect
import itertools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.autograd.guards import protocols

P = inspect.Parameter
V = np.array([0.3, 0.9, 0.6])
W = np.array([0.7, 0.43, 0.26])
M = np.array([[0.8, 0.35], [0.35, 0.7]])
MASK = np.array([True, False, True])
INDEX = np.array([0, 2])

# What is tried for arguments of these names, and then for all: the first that NumPy takes stays.
GIVEN: dict[str, list[Any]] = {
    "axis": [0, -1, (0,), [0], None], "axes": [0, (0,), (1, 0), ([0], [0]), [0]],
    "axis1": [0], "axis2": [1], "indices": [INDEX], "ind": [INDEX], "index": [INDEX],
    "a_min": [0.5], "a_max": [0.75], "b": [W], "x2": [W],
    "indices_or_sections": [3, [1]], "shape": [(3,), 3], "size": [(3,), 3], "newshape": [3],
    "size_or_shape": [(3,)], "dims": [(3, 4)], "reps": [2], "repeats": [2], "pad_width": [1],
    "dtype": [np.float32, np.int64, np.float64], "order": ["F", "C", "K"], "casting": ["unsafe"],
    "where": [MASK, np.eye(2, dtype=bool), True], "mask": [MASK], "condition": [MASK],
    "keepdims": [True], "kind": ["stable", "linear"], "mode": ["constant", "wrap", "full", "edge"],
    "multi_index": [([1], [2])], "func1d": [np.sum], "func": [np.add.reduce, np.sum],
    "function": [lambda *i: i[0] + 1.0], "pyfunc": [np.negative], "funclist": [[np.exp]],
    "condlist": [[MASK]], "choicelist": [[V]], "choices": [[V, V, V]], "arrays": [[V, V + 1]],
    "tup": [[V, V + 1], [M, M]], "seq": [V, [V, V + 1]], "obj": [1, V], "a": [V, M],
    "subscripts": ["i,i->"], "source": [0], "destination": [0], "bins": [[0.0, 0.5, 1.0], 2],
    "mean": [np.array([0.1, 0.2])], "cov": [np.eye(2)], "pvals": [np.array([0.3, 0.7])],
    "n": [1, 2], "alpha": [V], "ord": [1, 2, np.inf], "UPLO": ["U"], "side": ["right"],
    "mask_func": [np.triu], "copy": [True, False], "method": ["lower", "__call__"],
    "norm": ["ortho"], "fill_value": [0.25], "initial": [0.25, 2.5], "sub": ["a"],
    "sorter": [np.arange(3)], "wrap": [True], "replace": [False],
}  # fmt: skip
ANYTHING: list[Any] = [V, M, V + 1, 1, 0.4, [V, V], INDEX, (3,), MASK, np.float64]
ANYTHING += [np.array(["a", "b"]), np.ones((1, 1, 2)), ...]  # the last: nothing for *args

# Signatures that NumPy does not tell, in all of its versions or in older ones.
SIGNATURES: dict[str, Any] = {
    "at": lambda a, indices, b, /: 0,
    "at_each": lambda a, indices, /: 0,
    "reduce": lambda array, axis=0, dtype=None, out=None, keepdims=False, initial=0.0, where=1: 0,
    "accumulate": lambda array, axis=0, dtype=None, out=None: 0,
    "reduceat": lambda array, indices, axis=0, dtype=None, out=None: 0,
    "outer": lambda A, B, /: 0,
    "arange": lambda start, stop=None, step=None: 0,
    "array": lambda x, /, dtype=None: 0,
    "asanyarray": lambda a, dtype=None: 0,
    "asarray": lambda a, dtype=None: 0,
    "ascontiguousarray": lambda a, dtype=None: 0,
    "asfortranarray": lambda a, dtype=None: 0,
    "astype": lambda x, dtype, /, *, copy=True: 0,
    "bincount": lambda x, /, weights=None, minlength=0: 0,
    "concatenate": lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": 0,
    "copyto": lambda dst, src, casting="same_kind", where=True: 0,
    "dot": lambda a, b, out=None: 0,
    "einsum": lambda subscripts, a, b, /, *, out=None, dtype=None, order="K", optimize=False: 0,
    "empty": lambda shape, dtype=float: 0,
    "empty_like": lambda prototype, /, dtype=None, order="K", subok=True, shape=None: 0,
    "fromiter": lambda x, dtype, /, count=-1: 0,
    "inner": lambda a, b, /: 0,
    "lexsort": lambda keys, axis=-1: 0,
    "pad": lambda array, pad_width, mode="constant", *, constant_values=0, end_values=0: 0,
    "putmask": lambda a, mask, values: 0,
    "result_type": lambda a, /: 0,
    "vdot": lambda a, b, /: 0,
    "where": lambda condition, x, y, /: 0,
    "zeros": lambda shape, dtype=None: 0,
}
UFUNC = lambda *, where=True, casting="same_kind", order="K", dtype=None, subok=True, out=None: 0


def names(text: str) -> set[str]:
    return set(text.split())


# Arguments of which NumPy takes the type only.
NO_NUMBERS = {"dtype", "like"}
# Files, settings, memory, types, texts, and functions of other things than numbers.
LEFT_OUT = names("""
    DataSource add_docstring add_newdoc add_newdoc_ufunc fromfile fromregex frompyfunc
    genfromtxt get_include get_printoptions getbufsize geterr geterrcall info load loadtxt
    memmap asmatrix printoptions save savetxt savez savez_compressed set_printoptions setbufsize
    seterr isdtype seterrcall show_config show_runtime test from_dlpack fromstring frombuffer
    get_state set_state seed get_bit_generator set_bit_generator default_rng spawn bytes
    nested_iters typename bmat busday_count busday_offset is_busday datetime_as_string
    datetime_data isfortran issubdtype promote_types can_cast mintypecode tofile dump dumps
    setflags getfield setfield byteswap tobytes to_device view isnat base_repr binary_repr
    einsum_path resize set_fill_value default_fill_value as_strided byte_bounds polyvalfromroots
    shuffle make_mask_descr
""")  # fmt: skip

# Plain arrays are right here: the value is constant between jumps in each argument ...
PIECEWISE = names("""
    argmax argmin argsort argwhere nonzero flatnonzero count_nonzero searchsorted digitize sign
    signbit floor ceil rint round around trunc isnan isinf isfinite isclose allclose array_equal
    array_equiv any all isin logical_and logical_or logical_not logical_xor bincount equal
    not_equal less less_equal greater greater_equal floor_divide histogram where
""")  # fmt: skip
# ... or they say something about the array, or take its shape and dtype only.
DESCRIPTIVE = names("""
    shape ndim size zeros_like ones_like empty_like full_like array_repr array_str array2string
    result_type may_share_memory shares_memory iscomplexobj isrealobj broadcast_shapes isscalar
    iterable
""")  # fmt: skip


@dataclass
class Case:
    """One call of a function: where its Tensor stands."""

    name: str
    function: Any
    args: list[Any]
    kwargs: dict[str, Any]
    place: Any
    item: int | None = None

    def __str__(self) -> str:
        def shown(x: Any) -> str:
            return " ".join(repr(x).replace("array", "").split())

        texts = [shown(x) for x in self.args] + [f"{k}={shown(x)}" for k, x in self.kwargs.items()]
        return f"{self.name}({', '.join(texts)}) with a Tensor at {self.place!r}"

    @property
    def value(self) -> Any:
        x = self.args[self.place] if isinstance(self.place, int) else self.kwargs[self.place]
        return np.array(x if self.item is None else x[self.item], dtype=float)

    def call(self, value: Any) -> tuple[Any, list[Any]]:
        """The result, and the other arguments, which may have been changed."""
        args, kwargs = copy.deepcopy((self.args, self.kwargs))
        target: Any = args if isinstance(self.place, int) else kwargs
        if self.item is None:
            target[self.place] = value
        else:
            target[self.place] = [*target[self.place]]
            target[self.place][self.item] = value
        np.random.seed(0)
        result = self.function(*args, **kwargs)
        others = [x for x in (*args, *kwargs.values()) if isinstance(x, np.ndarray)]
        # What was never written is not compared.
        return None if "empty" in self.name else result, [x for x in others if x is not value]


# --- the judge ----------------------------------------------------------------------------------


def outcome(case: Case) -> tuple[str, bool]:
    """What comes of a call, and whether it is all ours: NumPy asked us, and no number was taken.

    ``recorded`` and right, an error of ``ours``, ``plain`` with a derivative of zero, ``refused``
    by NumPy with an array, too, before it asked us; or what is wrong.
    """
    leaf = tg.Tensor(case.value, requires_grad=True)
    asked: list[Any] = []
    taken: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        original = protocols.dispatched
        patch.setattr(protocols, "dispatched", noted(original, asked, lambda f, *rest: f))
        for name in ("__float__", "__int__", "__index__", "__complex__"):
            if hasattr(tg.Tensor, name):
                number = getattr(tg.Tensor, name)
                patch.setattr(tg.Tensor, name, noted(number, taken, lambda x: x.requires_grad))
        try:
            result, changed = case.call(leaf)
        except tg.errors.TinygradError:
            return "ours", True
        except Exception as error:
            return refusal(case, error, asked), bool(asked) and not any(taken)
    said = verdict(case, leaf, leaves(result) + changed)
    known = case.name.partition(".")[0] in PIECEWISE | DESCRIPTIVE
    if said == "plain" and not known and getattr(case.function, "__self__", case.function) in asked:
        said = "plain, and not among the functions for which it is right"
    return said, bool(asked) and not any(taken)


def noted(function: Any, notes: list[Any], of: Any) -> Any:
    """The function, which leaves a note of its arguments."""

    def called(*args: Any) -> Any:
        notes.append(of(*args))
        return function(*args)

    return called


def refusal(case: Case, error: Exception, asked: list[Any]) -> str:
    """What an error that is not ours says."""
    if isinstance(error.__cause__, tg.errors.TinygradError):
        return "ours"  # NumPy puts its own words over it where a number was to come
    refused = not takes(case.call, [case.value]) and case.function not in asked
    refused |= "must be an array" in str(error)  # it looks at the type of ``out`` itself
    refused |= isinstance(error, AttributeError) and "numpy.ma" in case.function.__module__
    return "refused" if refused else f"foreign error: {type(error).__name__}: {str(error)[:70]}"


def verdict(case: Case, leaf: tg.Tensor, given: list[Any]) -> str:
    tracked = [x for x in given if isinstance(x, tg.Tensor) and x.requires_grad]
    if not takes(case.call, [case.value]):
        return "recorded" if tracked else "more than NumPy takes, and lost"
    plain = results(case, case.value)
    values = [numbers(x) for x in given]
    if [x.shape for x in values] != [x.shape for x in plain] or not all(
        np.allclose(a, b, equal_nan=True, rtol=1e-5) for a, b in zip(values, plain, strict=True)
    ):
        return f"another value: {values} for {plain}"
    rng = np.random.default_rng(1)
    seeds = [rng.uniform(0.5, 1.5, x.shape) for x in plain]
    recorded = [
        (x, seed)
        for x, seed in zip(given, seeds, strict=True)
        if isinstance(x, tg.Tensor) and x.requires_grad
    ]
    if tracked and not all(np.isfinite(x).all() for x in plain):
        return "recorded"  # there is no derivative to compare with
    found = np.zeros(leaf.shape)
    for x, seed in recorded:
        upstream = seed[: x.size].reshape(x.shape)
        found = found + tg.gradients(x, [leaf], upstream, retain_graph=True)[0].data
    tolerance = 1e-4 if all(x.dtype == float for x in tracked) else 3e-2
    numeric = differences(case, seeds, 1e-6 if tolerance == 1e-4 else 1e-2)
    if case.name == "cholesky":  # of the symmetric part, by convention
        numeric = (numeric + numeric.T) / 2
    if not np.allclose(found, numeric, rtol=tolerance, atol=tolerance):
        return f"{'wrong' if tracked else 'lost'} gradient: {found} for {numeric}"
    return "recorded" if tracked else "plain"


def differences(case: Case, seeds: list[Any], step: float) -> Any:
    """The numeric gradient of a weighted sum of all results."""
    gradient = np.zeros(case.value.shape)
    for i in np.ndindex(gradient.shape):
        up, down = case.value, case.value
        up[i] += step
        down[i] -= step
        if not takes(case.call, [up]) or not takes(case.call, [down]):
            continue  # an argument that must be whole
        for seed, a, b in zip(seeds, results(case, up), results(case, down), strict=True):
            if a.shape == b.shape == seed.shape:
                gradient[i] += np.nansum(seed * (a - b) / (2 * step))
    return gradient


def results(case: Case, value: Any) -> list[Any]:
    result, changed = case.call(value)
    return [numbers(x) for x in leaves(result) + changed]


def leaves(x: Any) -> list[Any]:
    """All Tensors and arrays of a result."""
    if isinstance(x, (tg.Tensor, np.ndarray, np.generic, float, complex)):
        return [x]
    if isinstance(x, (list, tuple)):
        return [leaf for item in x for leaf in leaves(item)]
    return []


def numbers(x: Any) -> Any:
    """Its real and imaginary parts, in one row; nothing of what has no derivative."""
    x = np.ma.getdata(x.data if isinstance(x, tg.Tensor) else x)
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return np.zeros(0)
    return np.concatenate([x.real.ravel(), x.imag.ravel()]).astype(float)


# --- the calls ----------------------------------------------------------------------------------


def parameters(name: str, function: Any) -> list[P]:
    if isinstance(function, np.ufunc):
        operands = [P(f"x{i + 1}", P.POSITIONAL_ONLY) for i in range(function.nin)]
        return operands + list(inspect.signature(UFUNC).parameters.values())
    try:
        told = SIGNATURES.get(name.rpartition(".")[2], function)
        told = function if hasattr(function, "__signature__") else told
        return list(inspect.signature(told).parameters.values())
    except (ValueError, TypeError):
        return [P(f"x{i}", P.POSITIONAL_ONLY) for i in range(2)]


def takes(function: Any, args: Any, kwargs: Any = None, finite: bool = False) -> bool:
    args, kwargs = copy.deepcopy((args, kwargs or {}))
    try:
        result = function(*args, **kwargs)
    except Exception:
        return False
    return not finite or all(np.isfinite(numbers(x)).all() for x in leaves(result))


def required_by(name: str, function: Any) -> list[P]:
    return [
        p for p in parameters(name, function) if p.default is P.empty and p.kind != P.VAR_KEYWORD
    ]


def base_call(name: str, function: Any) -> tuple[list[Any], dict[str, Any]] | None:
    """The first arguments that NumPy takes."""
    required = required_by(name, function)
    tried = [GIVEN.get(p.name, []) + ANYTHING for p in required]
    for values in itertools.islice(itertools.product(*tried), 2000):
        pairs = [(v, p) for v, p in zip(values, required, strict=True) if v is not ...]
        args = [v for v, p in pairs if p.kind != P.KEYWORD_ONLY]
        kwargs = {p.name: v for v, p in pairs if p.kind == P.KEYWORD_ONLY}
        if takes(function, args, kwargs, finite=True):
            return args, kwargs
    return None


def cases(name: str, function: Any) -> list[Case]:
    """All calls of a function; none if no arguments are found that NumPy takes."""
    base = base_call(name, function)
    if base is None:
        return []
    args, kwargs = base
    made, data = [], None
    for place, (x, p) in enumerate(zip(args, required_by(name, function), strict=False)):
        if p.name in NO_NUMBERS:
            continue
        item = len(x) - 1 if isinstance(x, list) else None
        if is_numeric(x) or (item is not None and all(map(is_numeric, x))):
            made.append(Case(name, function, args, kwargs, place, item))
            if data is None and not isinstance(x, (int, float)):
                data = place, item
        others = [[*args[:place], y, *args[place + 1 :]] for y in (0.47, V + 0.04, M)]
        made += [Case(name, function, other, kwargs, place) for other in others]
    for p in parameters(name, function):
        if p.default is P.empty or p.name in kwargs:
            continue
        if p.name not in NO_NUMBERS and p.kind != P.POSITIONAL_ONLY:
            tried = outs(function, args, kwargs) if p.name == "out" else (0.47, V + 0.04, M)
            made += [Case(name, function, args, {**kwargs, p.name: y}, p.name) for y in tried]
        if data is not None:
            made += with_option(Case(name, function, args, kwargs, *data), p)
    return made


def with_option(case: Case, p: P) -> list[Case]:
    """The call with an option beside the Tensor, by name and by position."""
    name, function, args, kwargs, place, item = vars(case).values()
    made = []
    for y in option_values(case, p):
        named = {**kwargs, p.name: y}
        if p.kind != P.POSITIONAL_ONLY and takes(function, args, named):
            made.append(Case(name, function, args, named, place, item))
        if p.kind in (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD):
            known = parameters(name, function)
            before = [q.default for q in known[len(args) : known.index(p)]]
            if P.empty not in map(type, before) and takes(function, [*args, *before, y], kwargs):
                made.append(Case(name, function, [*args, *before, y], kwargs, place, item))
    return made


def option_values(case: Case, p: P) -> list[Any]:
    if p.name == "out":
        return outs(case.function, case.args, case.kwargs)
    if p.name in GIVEN:
        return GIVEN[p.name]
    if isinstance(p.default, bool):
        return [not p.default]
    if isinstance(p.default, str):
        return []
    return [1, 0.7, V + 0.04, M + 0.04, INDEX, MASK]


def outs(function: Any, args: Any, kwargs: Any) -> list[Any]:
    """Arrays into which the result fits."""
    args, kwargs = copy.deepcopy((args, kwargs))
    result = function(*args, **kwargs)
    return [np.zeros_like(result)] if isinstance(result, (np.ndarray, np.generic)) else []


def is_numeric(x: Any) -> bool:
    return isinstance(x, (float, int, np.ndarray)) and np.asarray(x).dtype.kind in "fiu"


# --- the namespaces -----------------------------------------------------------------------------


def named(module: Any) -> dict[str, Any]:
    """What stands in a module; NumPy warns of what it takes leave of as soon as it is read."""
    with warnings.catch_warnings(action="ignore"):
        return {name: getattr(module, name, None) for name in sorted(dir(module))}


def functions(*modules: Any) -> dict[str, Any]:
    return {
        name: thing
        for module in modules
        for name, thing in named(module).items()
        if name[0] != "_"
        and name not in LEFT_OUT
        and name not in ("T", "mT")  # no methods
        and callable(thing)
        and not isinstance(thing, (type, np.ufunc))
    }


def ufuncs() -> dict[str, Any]:
    return {
        name: f for name, f in named(np).items() if isinstance(f, np.ufunc) and name not in LEFT_OUT
    }


def ufunc_methods() -> dict[str, Any]:
    every, one = ("reduce", "accumulate", "reduceat", "outer", "at"), ("at_each",)
    return {
        f"{name}.{method}": getattr(f, method.removesuffix("_each"))
        for name, f in ufuncs().items()
        if f.nout == 1 and f.signature is None
        for method in {1: one, 2: every}[f.nin]
    }


def methods(make: Any) -> dict[str, Any]:
    """The methods of a new array, or generator: each gives its result, and the object itself."""

    def method(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            owner = make()
            return getattr(owner, name)(*args, **kwargs), owner

        try:
            told = inspect.signature(OF_METHODS.get(name, getattr(make(), name)))
        except (ValueError, TypeError):  # NumPy 2.0: as the function of that name
            alike = parameters(name, getattr(np, name, lambda a, x, /: 0))[1:]
            told = inspect.Signature(alike)
        call.__signature__ = told
        return call

    return {name: method(name) for name in functions(make())}


OF_METHODS = {"astype": lambda dtype, order="K": 0}


def assigned(x: Any) -> Any:
    array = np.zeros(3)
    array[:] = x
    return array


def made(kind: Any) -> Any:
    return lambda x: kind(x)


# Types and objects that are called or indexed.
OTHERS: dict[str, Any] = {
    kind.__name__: made(kind)
    for kind in (np.float64, np.float32, np.int64, np.complex128, np.poly1d, np.ma.MaskedArray)
} | {
    "matrix": lambda x: np.asarray(np.matrix(x)),
    "r_": lambda x: np.r_[x, 1.0],
    "c_": lambda x: np.c_[x, x],
    "mgrid": lambda x: np.mgrid[0:x:3j],
    "broadcast": lambda x: [np.array(row) for row in np.broadcast(x, 1.0)],
    "nditer": lambda x: [np.array(y) for y in np.nditer(x)],
    "ndenumerate": lambda x: [y for _, y in np.ndenumerate(x)],
    "vectorize": lambda x: np.vectorize(np.square)(x),
    "Polynomial": lambda x: np.polynomial.Polynomial(x).coef,
    "flat": lambda x: setattr(array := np.zeros(3), "flat", x) or array,
    "assigned": assigned,
    "zeros *=": lambda x: np.multiply(array := np.ones(3), x, out=array),
    "indexed by": lambda x: V[x],
    "tolist": lambda x: np.array([*map(float, [*np.ravel(x)])]),
}

SPACES: dict[str, tuple[dict[str, Any], int, int]] = {  # least: reached, calls that are recorded
    "np": (functions(np), 215, 300),
    "linalg": (functions(np.linalg), 30, 25),
    "fft": (functions(np.fft), 18, 4),
    "emath": (functions(np.emath), 9, 0),
    "lib": (functions(np.lib.stride_tricks, np.lib.array_utils), 2, 0),
    "ufuncs": (ufuncs(), 90, 180),
    "methods of ufuncs": (ufunc_methods(), 190, 0),
    "methods of arrays": (methods(M.copy), 30, 0),
    "random": (functions(np.random), 40, 0),
    "methods of generators": (methods(lambda: np.random.default_rng(0)), 40, 0),
    "masked arrays": (functions(np.ma), 180, 30),
    "texts": (functions(np.strings, np.char), 20, 0),
    "polynomials": (functions(np.polynomial.polynomial, np.polynomial.chebyshev), 45, 20),
    "others": (OTHERS, 20, 2),
}


RIGHT = {"recorded", "ours", "plain", "refused"}
# Of these, generic arguments find no call: other dtypes, no argument at all, three axes.
UNREACHED = names("""
    unpackbits normalize_axis_index ldexp.accumulate ldexp.reduceat choose conj conjugate
    nonzero reshape searchsorted tolist fromflex swapaxes compare_chararrays decode replace
    chebpts2 chebvander3d polyvander3d rand randn ranf sample
""")  # fmt: skip


@dataclass
class Sweep:
    """What came of all calls of a namespace."""

    short: dict[str, str]
    converted: dict[str, str]
    reached: set[str]
    unreached: set[str]
    counts: dict[str, int]


def sweep(space: str) -> Sweep:
    found = Sweep({}, {}, set(), set(), dict.fromkeys(RIGHT, 0))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, function in SPACES[space][0].items():
            made = cases(name, function)
            (found.reached if made else found.unreached).add(name)
            for case in made:
                said, asked = outcome(case)
                if said in RIGHT:
                    found.counts[said] += 1
                else:
                    (found.short if asked else found.converted)[str(case)] = said
    return found


@pytest.mark.parametrize("space", SPACES)
def test_every_argument_of_every_function_is_right_or_an_error_of_ours(space):
    found = sweep(space)
    assert len(found.reached) >= SPACES[space][1]
    assert found.counts["recorded"] >= SPACES[space][2]
    assert found.counts["ours"] >= len(found.reached) / 2
    assert len(found.unreached - UNREACHED) <= 4  # other versions of NumPy have a few
    assert not found.short
    assert not found.converted  # by __float__, __index__ or the like: NumPy has not asked us


def test_the_judge_sees_what_is_wrong():
    """The sweep does not pass by blindness."""

    def judge(function, *args):
        return outcome(Case("judged", function, [*args], {}, 0))[0]

    assert judge(np.square, V) == "recorded"
    assert judge(np.spacing, V) == "ours"
    assert judge(lambda x: np.asarray(tg.Tensor(x).data), V) == "ours"
    assert judge(lambda x: np.asarray(getattr(x, "data", x)) ** 2, V).startswith("lost gradient")
    assert judge(lambda x: x.detach() * x if isinstance(x, tg.Tensor) else x * x, V).startswith(
        "wrong gradient"
    )
    assert judge(lambda x: np.square(x) * (2 if isinstance(x, tg.Tensor) else 1), V).startswith(
        "another value"
    )
    assert judge(lambda x: np.zeros(3).fill(x) if x.ndim == 0 else x + {}, V) == "ours"
    assert judge(lambda x: int("a") if isinstance(x, tg.Tensor) else x, V).startswith("foreign")
    assert judge(lambda x: np.copyto(np.zeros(3), getattr(x, "data", x)), V) == "plain"

    def filled(x, z):
        z[:] = np.asarray(getattr(x, "data", x))

    assert judge(filled, V, np.zeros(3)).startswith("lost gradient")
