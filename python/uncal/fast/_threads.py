"""How many threads the kernels use."""

from uncal import _rust
from uncal.fast import _arguments as arguments


def set_num_threads(n: int) -> None:
    """Use `n` threads from now on, in every call that does not say otherwise by ``threads=``.

    Without it the environment variable ``UNCAL_NUM_THREADS`` counts, read once, and without that the cores that this
    process may use. Threads start when they are first needed, and anew in a forked child. Results do not depend on
    their number.

    Parameters
    ----------
    n : int
        From 1 to 4096.

    Raises
    ------
    ValueError
        If `n` is not such a number.

    Examples
    --------
    >>> set_num_threads(2)
    """
    _rust.set_num_threads(arguments.count("n", n, 1, 4096))
