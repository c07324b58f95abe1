"""Progress bars with rate and time left, on standard error; none when it is not a terminal or after `quiet`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tqdm import tqdm

_quiet = False


class Bar(Protocol):
    """What a bar can do."""

    def update(self, n: int, /) -> Any:
        """Go on by n."""

    def set_postfix_str(self, s: str, /) -> Any:
        """Show a short text behind the bar."""


def quiet(be_quiet: bool = True) -> None:
    """Show no bars from now on."""
    global _quiet
    _quiet = be_quiet


@contextmanager
def bar(label: str, total: int | None, unit: str = "question") -> Iterator[Bar]:
    """Show a bar while the block runs."""
    with tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        file=sys.stderr,
        disable=_quiet or not sys.stderr.isatty(),
        dynamic_ncols=True,
        mininterval=0.5,
    ) as shown:
        yield shown
