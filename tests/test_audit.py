"""`make audit`: a known vulnerability fails, and what could not be asked is told."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[1] / ".ci" / "audit.py"
_spec = importlib.util.spec_from_file_location("audit", _PATH)
assert _spec is not None and _spec.loader is not None
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

SOUND = {"name": "flask", "version": "3.1.0", "vulns": []}
UNKNOWN = {"name": "gevent", "skip_reason": "Dependency not found on PyPI"}
FLAWED = {
    "name": "requests",
    "version": "2.19.0",
    "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"]}],
}


def judged(*dependencies: Any) -> tuple[int, str]:
    code, lines = audit.judged(json.dumps({"dependencies": dependencies, "fixes": []}), "")
    return code, "\n".join(lines)


def test_a_vulnerability_fails() -> None:
    code, told = judged(SOUND, FLAWED, UNKNOWN)
    assert code == 1
    assert "requests 2.19.0: PYSEC-2018-28, fixed in ['2.20.0']" in told


def test_what_was_not_audited_is_told() -> None:
    assert judged(SOUND) == (0, "1 of 1 packages audited")
    code, told = judged(SOUND, UNKNOWN)
    assert code == 0
    assert told.splitlines() == [
        "1 of 2 packages audited",
        "NOT AUDITED, the service does not know their versions: gevent",
    ]


@pytest.mark.parametrize(
    "last",
    [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org', port=443)",
        "requests.exceptions.ReadTimeout: Read timed out.",
        "pip_audit._service.interface.ServiceError",
    ],
)
def test_a_service_that_is_away_does_not_fail(last: str) -> None:
    code, (told, why) = audit.judged("", f"Traceback\n  File\n{last}\n")
    assert code == 0
    assert told == "NOT AUDITED: the vulnerability service could not be asked"
    assert why == last


def test_any_other_failure_does() -> None:
    assert audit.judged("", "usage: pip-audit\npip-audit: error: no such option\n")[0] == 1
    assert audit.judged("", "")[0] == 1


def test_what_users_install_is_asked_for() -> None:
    names = dict(audit.installed(audit.PACKAGE, audit.EXTRAS))
    assert {"flask", "gevent", "requests", "urllib3", "genai-prices", "psycopg"} <= names.keys()
    assert not {"pytest", "mypy", "wsgi-gateway", "openai"} & names.keys()
