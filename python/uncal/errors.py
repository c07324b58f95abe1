"""What can go wrong, as types: each message is one line that says what is wrong, where, and what to do."""


class UncalError(Exception):
    """Base of every error that uncal raises on purpose, outside `uncal.fast` (which raises ValueError)."""


class ConfigError(UncalError):
    """A setting has a value that cannot be used."""


class UnknownPluginError(ConfigError):
    """No plugin of that kind has that name."""


class ArtefactError(UncalError):
    """A file is missing, not what its name says, or belongs to another run."""


class FingerprintError(ArtefactError):
    """A calibrator was fitted on scores made another way than the ones at hand."""


class ModelError(UncalError):
    """A model cannot be found or loaded."""


class MissingExtraError(UncalError):
    """A package is missing that an extra of uncal installs."""
