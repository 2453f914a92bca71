"""The image: linted, not run as root, and with all that a node of a cluster needs."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "infra" / "Dockerfile"


def test_hadolint_has_nothing_to_say() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_last_user_is_not_root() -> None:
    users = [line.split()[1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"root", "0"}


def extras(name: str) -> set[Requirement]:
    """What an extra of the project installs, with the extras that it is made of."""
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found = {Requirement(text) for text in optional[name]}
    own = [each for each in found if each.name == "mrovseg"]
    return (found - set(own)).union(*(extras(extra) for each in own for extra in each.extras))


def needed(requirement: Requirement, seen: set[str]) -> set[NormalizedName]:
    """The packages that an installed package brings, by what its own metadata say."""
    name = canonicalize_name(requirement.name)
    key = f"{name}{sorted(requirement.extras)}"
    if key in seen:
        return set()
    seen.add(key)
    found = {name}
    for text in metadata.requires(name) or ():
        part = Requirement(text)
        if any(
            part.marker is None or part.marker.evaluate({"extra": extra})
            for extra in ("", *requirement.extras)
        ):
            found |= needed(part, seen)
    return found


def test_the_image_has_what_a_head_needs_to_take_jobs_and_the_lock_has_all_of_it() -> None:
    assert '"${1}[all]"' in DOCKERFILE.read_text()
    (default,) = (each for each in extras("all") if each.name == "ray" and "default" in each.extras)
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in lines)
        if version
    }
    wanted = needed(default, set())
    assert wanted >= {"ray", "aiohttp-cors", "grpcio", "prometheus-client", "py-spy", "virtualenv"}
    assert {name: metadata.version(name) for name in wanted} == {name: locked.get(name) for name in wanted}
