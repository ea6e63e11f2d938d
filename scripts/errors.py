"""What stops the pipeline, each with the exit code that says so."""

import errno
import os
import signal

# What a shell reports of a process that a signal has ended.
SIGNALLED = 128
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PipelineError(Exception):
    """A build or a publication failed; the message is one sentence."""

    exit_code = 1


class ConfigurationError(PipelineError):
    """What the user asked for cannot be run."""

    exit_code = 2


class RefusedError(PipelineError):
    """Validation keeps what was built from being published."""

    exit_code = 3


class LockedError(PipelineError):
    """Another run holds the lock of the database."""

    exit_code = 4


class StoppedError(PipelineError):
    """Ctrl-C, or a signal to terminate; shells know the exit codes."""

    def __init__(self, error: KeyboardInterrupt) -> None:
        is_terminated = isinstance(error, Terminated)
        number = signal.SIGTERM if is_terminated else signal.SIGINT
        name = number.name if is_terminated else "Ctrl-C"
        super().__init__(
            f"stopped by {name}: what readers have is whole, and the next run begins "
            "anew."
        )
        self.exit_code = SIGNALLED + number


class Terminated(KeyboardInterrupt):
    """A signal to terminate, which ends what works as Ctrl-C does."""


def of_the_disk(error: OSError, action: str) -> PipelineError:
    """Return what an error of the file system means for whoever wanted `action`."""
    file = str(error.filename or "")
    place = f" ({file})" if file not in action else ""
    if error.errno in FULL_DISK:
        return _full(f"{action}{place}")
    return ConfigurationError(
        f"cannot {action}: {error.strerror or error}{place}. Give this user the right "
        "to write there, or name another place."
    )


def of_the_database(error: Exception, action: str) -> PipelineError:
    """Return what an error of DuckDB means for whoever wanted `action`."""
    text = str(error)
    if any(os.strerror(number) in text for number in FULL_DISK):
        return _full(action)
    return PipelineError(f"cannot {action}: {text.splitlines()[0]}")


def _full(action: str) -> PipelineError:
    return PipelineError(
        f"cannot {action}: the disk is full. Make room for it and run again."
    )
