"""Benchmarks: time, memory and growth beside PyTorch and other frameworks.

    python -m tests.benchmarks              # less than a minute, one thread
    python -m tests.benchmarks --full       # less than twenty: all threads, Modules, and all below
    python -m tests.benchmarks.memory       # peak of a step, growth over 10,000 steps
    python -m tests.benchmarks.scaling      # batch, depth, width; the time of the import
    python -m tests.benchmarks.profile W1   # each operation of a step
    python -m tests.benchmarks.tricks       # each kernel against its plain form
    python -m tests.benchmarks.figures      # put the figures into README and docs
    python -m tests.benchmarks.accuracy     # on data never seen
    python -m tests.benchmarks.loading FOLDER

The extra ``peers`` installs the other frameworks; what is not there is left out. tinygrad needs
clang. How a comparison is made:

- One process per contender and workload, held to as many cores as there are threads, all to the
  same.
- First the loss or output and all gradients of a step, then the loss after SGD steps, must agree
  with PyTorch's (tinygrad_fr's where PyTorch is missing): at most 1e-4 of the largest entry apart
  in float32. Who disagrees is named, is not timed, and the exit status is 1.
- Then contenders take turns, round after round. The ratio to PyTorch is that of the medians of a
  round; given are its median, lowest and highest over the rounds. Rounds in which PyTorch was
  disturbed are left out. The garbage collector is left as each framework has it.
- Who takes seconds for a step has fewer turns: at least one step is timed.

A machine that is busy with other things spoils what is measured on several threads: its share is
printed. Variables that choose the kernels of a BLAS are printed too; to measure without them:

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python -m tests.benchmarks
"""
