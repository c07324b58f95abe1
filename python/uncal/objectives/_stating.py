"""What objectives share in stating a number, and in reading it."""

from uncal.errors import ConfigError
from uncal.parse import FORMATS
from uncal.reading import statements
from uncal.types import Order, ReadOut


def completion(order: Order, answer: str, stated: str) -> str:
    """Put the statement of a number where its order has it.

    Examples
    --------
    >>> completion("together", "Paris", "<confidence>0.70</confidence>")
    '<answer>Paris</answer><confidence>0.70</confidence>'
    """
    tagged = f"<answer>{answer}</answer>"
    return {"answer_first": stated, "together": f"{tagged}{stated}", "confidence_first": f"{stated}{tagged}"}[order]


def check(form: str, order: Order, read: str) -> None:
    """Complain of a format that there is not, and of a mean where the model answers itself and so has to write."""
    if form not in FORMATS:
        raise ConfigError(f"format is {form!r}; it must be one of {', '.join(FORMATS)}")
    if read == "mean" and order != "answer_first":
        raise ConfigError(f"read is 'mean' and order {order!r}, in which the model has to write; take read='stated'")


def read_out(form: str, read: str) -> ReadOut:
    """Read a number as it is stated, or the mean over all that the model might state.

    Examples
    --------
    >>> len(read_out("uncertainty", "mean").options), read_out("uncertainty", "stated").options
    (101, ())
    """
    said = ReadOut(format=form)
    return statements(said) if read == "mean" else said
