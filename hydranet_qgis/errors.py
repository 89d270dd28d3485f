"""Errors a user reads in the Processing log or the dock: one sentence each."""

from __future__ import annotations


class PluginError(Exception):
    """Base of every error the plugin reports by its message alone."""


class EnvironmentMissing(PluginError):
    """No usable Python for the worker process."""


class SetupError(PluginError):
    """The worker's private environment could not be made, or does not work."""


class InputError(PluginError):
    """A parameter cannot work as it is given."""


class RunFolderError(PluginError):
    """A folder is not a finished HydraNet run, or cannot be read."""


class WorkerError(PluginError):
    """The worker reported an error of the job; the worker itself is fine.

    Attributes:
        kind: class name of the error on the worker's side, such as `SceneError`.
    """

    def __init__(self, message: str, kind: str = "HydraNetError") -> None:
        super().__init__(message)
        self.kind = kind


class WorkerCrashed(PluginError):
    """The worker process ended, hung, or never started."""


class WorkerCancelled(PluginError):
    """The user stopped the job.

    Attributes:
        began: whether the worker had the job already.
    """

    def __init__(self, message: str, began: bool = True) -> None:
        super().__init__(message)
        self.began = began
