"""The key file as ``wsgi-gateway keys`` leaves it."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wsgi_gateway.access.key_commands import create_key, list_keys, revoke_keys
from wsgi_gateway.cli import main
from wsgi_gateway.config.key_file import BadKeyFile, StoredKey, key_digest, read_key_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def keys(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(
        main, ["keys", *arguments], env={"WSGI_GATEWAY_CONFIG": "", **environ}
    )


def new(client: str, requests: tuple[str, ...] = ()) -> StoredKey:
    return StoredKey(id=client, prefix="", hash="", created="", requests=list(requests))


def test_a_key_is_printed_once_and_kept_as_its_hash(file: Path) -> None:
    result = keys("create", "team", "-f", str(file), "--model", "gpt-4o*", "--budget", "1.5/d")
    assert result.exit_code == 0, result.output
    key = result.stdout.strip()
    assert key.startswith("sk-gw-")
    assert len(key) > 40
    stored = read_key_file(file)
    (only,) = stored.keys
    assert only.digest == key_digest(key, bytes.fromhex(stored.salt))
    assert (only.id, only.models, only.budget) == ("team", ["gpt-4o*"], ["1.5/d"])
    assert key[12:] not in file.read_text() + result.stderr
    listed = keys("list", "-f", str(file)).stdout
    assert key[:12] in listed
    assert key[12:] not in listed


def test_a_file_behind_a_link_is_the_one_that_changes(file: Path) -> None:
    link = file.with_name("link.json")
    link.symlink_to(file.name)
    create_key(link, new("a"))
    assert [key.id for key in list_keys(file)] == ["a"]
    assert len(revoke_keys(link, "a")) == 1
    assert list_keys(file) == []
    assert link.is_symlink()


def test_its_owner_alone_may_read_the_file(file: Path) -> None:
    old = os.umask(0)
    try:
        create_key(file, new("a"))
        file.chmod(0o644)
        create_key(file, new("b"))
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_whose_file_it_was_it_stays(file: Path) -> None:
    create_key(file, new("a"))
    os.chown(file, 12345, 12346)
    create_key(file, new("b"))
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12346)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_new_file_is_its_folder_s_owner_s(file: Path) -> None:
    os.chown(file.parent, 12345, 12346)
    create_key(file, new("a"))
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12346)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_key_of_a_client_allows_what_the_first_did(file: Path) -> None:
    keys("create", "team", "-f", str(file), "--requests", "60/m", "--concurrency", "3")
    keys("create", "team", "-f", str(file), "--requests", "90/m")
    first, second = list_keys(file)
    assert (second.requests, second.concurrency) == (["90/m"], 3)
    assert first.hash != second.hash


def test_revoke_takes_all_keys_of_a_client_or_one(file: Path) -> None:
    for client in ("a", "a", "a", "b"):
        create_key(file, new(client))
    prefix = list_keys(file)[1].prefix
    assert f"revoked {prefix}…" in keys("revoke", f"{prefix}…", "-f", str(file)).stdout
    assert [key.id for key in list_keys(file)] == ["a", "a", "b"]
    assert keys("revoke", "a", "-f", str(file)).exit_code == 0
    assert [key.id for key in list_keys(file)] == ["b"]
    nobody = keys("revoke", "a", "-f", str(file))
    assert (nobody.exit_code, nobody.stderr) == (2, "no key of a\n")
    assert revoke_keys(file.with_name("none.json"), "a") == []


def test_commands_at_the_same_time_lose_nothing(file: Path) -> None:
    threads = [
        threading.Thread(target=create_key, args=(file, new(f"client-{number}")))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.id for key in list_keys(file)}) == 8


def test_a_file_that_is_something_else_is_left_alone(file: Path) -> None:
    file.write_text("my diary")
    for command in (("create", "a"), ("list",), ("revoke", "a")):
        result = keys(*command, "-f", str(file))
        assert (result.exit_code, result.stderr) == (2, "not a key file\n")
    assert file.read_text() == "my diary"


def test_an_empty_list_of_models_is_not_taken_for_all(file: Path) -> None:
    keys("create", "a", "-f", str(file), "--model", "gpt-4o")
    (key,) = list_keys(file)
    file.write_text(file.read_text().replace('"gpt-4o"', ""))
    assert json.loads(file.read_text())["keys"][0]["models"] == []
    result = keys("list", "-f", str(file))
    assert result.exit_code == 2
    assert f"models of the key {key.prefix}… must be a list that is not empty" in result.stderr


@pytest.mark.parametrize("option", [("--requests", "many"), ("--budget", "0/d")])
def test_limits_are_checked_before_anything_is_written(file: Path, option: tuple[str, str]) -> None:
    assert keys("create", "a", "-f", str(file), *option).exit_code == 2
    assert keys("create", "no spaces", "-f", str(file)).exit_code == 2
    assert not file.exists()
    with pytest.raises(BadKeyFile):
        create_key(file, new("a", ("x",)))


def test_the_config_says_which_file(file: Path) -> None:
    config = file.with_name("config.yaml")
    providers = [{"model": "openai/gpt-4o", "access_key": "k"}]
    config.write_text(
        json.dumps({"model_providers": providers, "access": {"key_file": "keys.json"}})
    )
    assert keys("create", "a", "-c", str(config)).exit_code == 0
    assert len(list_keys(file)) == 1
    assert "a" in keys("list", WSGI_GATEWAY_CONFIG=str(config)).stdout
    config.write_text(json.dumps({"model_providers": providers}))
    assert "has no access.key_file" in keys("list", "-c", str(config)).stderr
    assert "give --file" in keys("list").stderr
    assert "no such file" in keys("list", "-c", "nowhere.yaml").stderr
    assert "no such file" in keys("list", "-f", "nowhere.json").stderr
    assert "no such file" in keys("create", "a", "-f", "no/where/keys.json").stderr
