"""What can go wrong, as types: each message is one line that says what is wrong, where, and what to do."""


class UncalError(Exception):
    """Base of every error that uncal raises on purpose, outside `uncal.fast` (which raises ValueError)."""


class ConfigError(UncalError):
    """A setting has a value that cannot be used."""


class UnknownPluginError(ConfigError):
    """No plugin of that kind has that name."""


class ArtefactError(UncalError):
    """A file is missing, not what its name says, or belongs to another run."""


class RowError(ArtefactError):
    """A row of a batch holds what makes no sense.

    Attributes
    ----------
    row : int
        Its number in the batch, from 0.
    what : str
    """

    def __init__(self, row: int, what: str) -> None:
        super().__init__(row, what)
        self.row, self.what = row, what

    def __str__(self) -> str:
        return f"row {self.row}: {self.what}"


class FingerprintError(ArtefactError):
    """A calibrator was fitted on scores made another way than the ones at hand."""


class ModelError(UncalError):
    """A model cannot be found or loaded."""


class MissingExtraError(UncalError):
    """A package is missing that an extra of uncal installs."""
