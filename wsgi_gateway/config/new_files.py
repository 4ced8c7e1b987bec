"""Files of the config that may have to be made: where they are, and whether that can be."""

from collections.abc import Callable
from pathlib import Path as FilePath

from wsgi_gateway.config.problems import Path, Report


def place_of(
    given: str, path: Path, report: Report, problem_of: Callable[[FilePath], str | None]
) -> str:
    """The absolute path of what ``given`` names at ``path``. Relative ones begin at the config's folder.

    ``problem_of`` says what keeps it from being used, and may raise OSError and ValueError.
    """
    try:
        folder = FilePath(report.file).parent if report.file else FilePath()
        file = (folder / FilePath(given).expanduser()).absolute()
        problem = problem_of(file)
    except (OSError, RuntimeError, ValueError):
        file, problem = FilePath(given), "cannot be read"
    if problem:
        report.error(path, problem)
    return str(file)
