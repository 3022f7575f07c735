#!/usr/bin/env bash
# From a fresh clone to a running service, or to every check, in one command. `./setup.sh help` lists the commands.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$ROOT"

VENV=$ROOT/.venv
VENV_PYTHON=$VENV/bin/python
WHEELS=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/discord-action-module/wheels
SANDBOX_PORT=${SANDBOX_PORT:-8075}

# ── words to the person at the terminal ──────────────────────────────────────────────────────────────────────────────

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then BOLD=$'\e[1m' RED=$'\e[31m' OFF=$'\e[0m'; else BOLD='' RED='' OFF=''; fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s── %s%s\n' "$BOLD" "$*" "$OFF"; }
fail() {
  printf '\n%ssetup.sh: %s%s\n' "$RED" "$1" "$OFF" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

show_help() {
  cat <<'TEXT'
./setup.sh            prepare: find Python 3.13, make .venv, install the locked requirements
./setup.sh run        prepare, write .env if there is none, and serve; without a bot token against the sandbox
./setup.sh test       every check: style, types, layers, generated files, tests with their coverage floor, and the pages in
                      a Chromium (REQUIRE_BROWSER=1: fail where there is none; CHROMIUM=/path/to/it names one);
                      alerts and dashboard with a Prometheus (REQUIRE_PROMETHEUS=1: fail where there is none);
                      the image, the compose file and the manifest in containers, with a Docker engine, or podman as
                      root (REQUIRE_CONTAINER=1: fail where there is neither, and ask checkov as well)
./setup.sh test ARGS  pytest alone, with these arguments: ./setup.sh test -k webhook
./setup.sh prove      the slow evidence, into docs/PROOF.md: tests marked `prove`, containers, benchmarks
./setup.sh prove ARGS the tests marked `prove` alone that pytest chooses with these arguments: ./setup.sh prove -k outage
./setup.sh help       this text

PYTHON=/path/to/python3.13 chooses the interpreter. SANDBOX_PORT (8075) is where the sandbox listens.
Downloaded packages are kept in ~/.cache/discord-action-module: with them there, no network is needed.
TEXT
}

# ── Python 3.13 ──────────────────────────────────────────────────────────────────────────────────────────────────────

# A candidate counts when it runs: a version manager's shim exists for versions that are not selected, and fails.
is_python_313() {
  local wanted='import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))'
  [ -n "$1" ] && "$1" -c "$wanted" >/dev/null 2>&1
}

python_candidates() {
  printf '%s\n' python3.13 python3 python
  printf '%s\n' "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.13*/bin/python
  printf '%s\n' /usr/bin/python3.13 /usr/local/bin/python3.13 /opt/homebrew/bin/python3.13
  if command -v uv >/dev/null 2>&1; then uv python find 3.13 2>/dev/null || true; fi
}

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    is_python_313 "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.13 with the venv module." \
      'Unset PYTHON to let this script look for one.'
    printf '%s\n' "$PYTHON"
    return
  fi
  local candidate
  while IFS= read -r candidate; do
    if is_python_313 "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(python_candidates)
  fail 'Python 3.13 (with the venv module) was not found. One of these gets it:' \
    'Debian 13:   sudo apt install python3.13 python3.13-venv' \
    'Ubuntu:      sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python3.13 python3.13-venv' \
    'macOS:       brew install python@3.13' \
    'pyenv:       pyenv install 3.13' \
    'uv:          uv python install 3.13' \
    'Then run this again, or name it: PYTHON=/path/to/python3.13 ./setup.sh'
}

make_venv() {
  is_python_313 "$VENV_PYTHON" && return
  local python
  python=$(find_python) || exit 1
  say "Making .venv with $("$python" --version 2>&1) …"
  rm -rf "$VENV"
  "$python" -m venv "$VENV" || fail "$python could not make a virtual environment in $VENV." \
    'On Debian and Ubuntu the module is a package of its own: sudo apt install python3.13-venv'
}

# ── requirements ─────────────────────────────────────────────────────────────────────────────────────────────────────

pip() { "$VENV_PYTHON" -m pip --disable-pip-version-check "$@"; }

hash_of() { "$VENV_PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

# install LOCK STAMP...: install a lock unless the first stamp says it is there; leave every stamp.
install() {
  local lock=$1 wanted stamp log
  shift
  wanted=$(hash_of "$lock")
  [ "$(cat "$VENV/$1" 2>/dev/null)" != "$wanted" ] || return 0
  log=$VENV/install.log
  say "Installing what $lock lists …"
  if ! install_from_wheels "$lock" >"$log" 2>&1; then
    say 'Downloading what is not in the cache yet (a minute or two) …'
    mkdir -p "$WHEELS"
    if ! { download_wheels "$lock" && install_from_wheels "$lock"; } >"$log" 2>&1; then
      grep -v '^WARNING' "$log" | tail -n 15 >&2 || true
      fail "The packages of $lock could not be installed." \
        'Is the package index reachable? With a full cache no network is needed; the cache is' "$WHEELS"
    fi
  fi
  for stamp in "$@"; do printf '%s\n' "$wanted" >"$VENV/$stamp"; done
}

# Hashes are checked whatever the source, so that the cache needs no more trust than the index.
download_wheels() {
  pip download --quiet --require-hashes --dest "$WHEELS" --find-links "$WHEELS" -r "$1"
}

install_from_wheels() {
  [ -d "$WHEELS" ] && pip install --quiet --no-index --find-links "$WHEELS" --require-hashes -r "$1"
}

prepare() {
  make_venv
  install requirements.txt stamp-run
}

prepare_for_tests() {
  make_venv
  install requirements-dev.txt stamp-test
  hash_of requirements.txt >"$VENV/stamp-run"  # the lock for tests holds every run-time package as well
}

# buf ships its binary in an npm package. Where npm is missing, or fails, and no other buf is in PATH, the checks of the
# proto are left out, aloud; REQUIRE_BUF=1 makes that a failure. npm install, not ci: a registry need not have the binaries of every system.
install_buf() {
  local wanted log=$VENV/install-buf.log
  wanted=$(hash_of tools/buf/package-lock.json)
  [ "$(cat "$VENV/buf/stamp" 2>/dev/null)" != "$wanted" ] || return 0
  if command -v npm >/dev/null 2>&1; then
    say 'Installing buf …'
    rm -rf "$VENV/buf"
    mkdir "$VENV/buf"
    cp tools/buf/package.json tools/buf/package-lock.json "$VENV/buf/"
    if (cd "$VENV/buf" && npm install --ignore-scripts --prefer-offline --no-audit --no-fund) >"$log" 2>&1 &&
      "$VENV/buf/node_modules/.bin/buf" --version >>"$log" 2>&1; then
      printf '%s\n' "$wanted" >"$VENV/buf/stamp"
      return 0
    fi
    tail -n 5 "$log" >&2
  fi
  rm -rf "$VENV/buf"
  ! command -v buf >/dev/null 2>&1 || return 0
  [ "${REQUIRE_BUF:-}" != 1 ] || fail 'buf is required here and could not be installed.' 'It takes npm: https://nodejs.org'
  UNPROVEN+=("the style and the history of the proto, and the examples with buf: buf is not here, npm installs it")
}

# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────

run() {
  prepare
  exec "$VENV_PYTHON" -m tools.run --sandbox-port "$SANDBOX_PORT" "$@"
}

# step TITLE COMMAND...: one check under its heading, with the time it took; the first that fails ends the run.
step() {
  local title=$1 started=$SECONDS
  shift
  heading "$title"
  "$@" || fail "$title: failed. The lines above say where." "Again, alone: ${*@Q}"
  say "   ${title}: fine ($((SECONDS - started)) s)"
}

test_all() {
  prepare_for_tests
  local python=$VENV_PYTHON
  step 'style: ruff check' "$python" -m ruff check .
  step 'style: ruff format' "$python" -m ruff format --check .
  step 'types: mypy --strict' "$python" -m mypy
  step 'layers: import-linter' "$python" -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
  step 'dependencies: deptry' "$python" -m deptry .
  step 'security: bandit' "$python" -m bandit --quiet --configfile pyproject.toml --severity-level medium \
    --recursive app.py config.py configuration services sandbox tools
  step 'security: secrets' "$python" -m tools.secret_scan
  step 'shell: shellcheck' "$VENV/bin/shellcheck" setup.sh .ci/run deploy/*.sh tests/container/standins/*.sh
  step 'image: hadolint' "$VENV/bin/hadolint" Dockerfile tests/container/standins/*.Dockerfile
  step 'YAML: yamllint' "$VENV/bin/yamllint" --strict .
  step 'manifest: kubernetes-validate' "$VENV/bin/kubernetes-validate" --strict k8s-deployment.yaml
  step 'generated: .env.example' "$python" -m tools.env_example --check
  step 'generated: gRPC stubs' "$python" -m tools.stubs --check
  install_buf
  step 'contract: nothing taken from callers' "$python" -m tools.contract --check
  # Two at a time, for they mostly wait; a file stays with one process, so that what it starts is started once.
  step 'tests, with the coverage floor' "$python" -m pytest -m 'not prove' \
    --ignore=tests/browser --ignore=tests/container --cov --numprocesses 2 --dist loadfile
  test_browser "$python"
  test_containers "$python"
  command -v prometheus >/dev/null && command -v promtool >/dev/null ||
    UNPROVEN+=("the alert rules and the dashboard's questions by Prometheus itself: it is not here (apt install prometheus)")
  say_unproven
}

# What this machine could not prove is said last, where it is read.
UNPROVEN=()
say_unproven() {
  [ ${#UNPROVEN[@]} -gt 0 ] || return 0
  printf '\n%sNOT PROVEN on this machine:%s\n' "$RED" "$OFF"
  printf '  %s\n' "${UNPROVEN[@]}"
}

# The pages in a real browser, in a run of their own: the coverage floor does not wait for a browser to start.
test_browser() {
  local python=$1 found
  if found=$("$python" -m tests.browser.chromium); then
    step 'pages in a browser' "$python" -m pytest tests/browser
  elif [ "${REQUIRE_BROWSER:-}" = 1 ]; then
    fail 'pages in a browser: failed, for REQUIRE_BROWSER=1 is set.' "$found"
  else
    heading 'pages in a browser: NOT RUN'
    say "   $found"
    UNPROVEN+=("the pages in a browser (the sandbox's, /docs): $found")
  fi
}

# The image, the compose file and the manifest, really built and run; then the policies, which take 290 MB.
test_containers() {
  local python=$1 found
  if found=$("$python" -m tests.container.engine); then
    step 'image, compose and manifest in containers' "$python" -m tests.container
  elif [ "${REQUIRE_CONTAINER:-}" = 1 ]; then
    fail 'image, compose and manifest in containers: failed, for REQUIRE_CONTAINER=1 is set.' "$found"
  else
    heading 'image, compose and manifest in containers: NOT RUN'
    say "   $found"
    UNPROVEN+=("the image, the compose file and the manifest, built and run: $found")
  fi
  if [ "${REQUIRE_CONTAINER:-}" = 1 ]; then
    check_policies
  else
    UNPROVEN+=('what checkov says of the image and the manifest: ./setup.sh prove asks it')
  fi
}

check_policies() {
  local home=$VENV/checkov log=$VENV/install.log wanted
  wanted=$(hash_of deploy/checkov.txt)
  if [ "$(cat "$home/stamp" 2>/dev/null)" != "$wanted" ]; then
    say 'Installing checkov …'
    "$VENV_PYTHON" -m venv --clear "$home"
    if ! "$home/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
      -r deploy/checkov.txt >"$log" 2>&1; then
      grep -v '^WARNING' "$log" | tail -n 5 >&2
      fail 'checkov could not be installed.' 'Is the package index reachable?'
    fi
    printf '%s\n' "$wanted" >"$home/stamp"
  fi
  step 'policies: checkov' "$home/bin/checkov" --config-file deploy/checkov.yaml --skip-download --quiet --compact \
    --framework dockerfile kubernetes --file Dockerfile k8s-deployment.yaml
}

test_some() {
  prepare_for_tests
  exec "$VENV_PYTHON" -m pytest "$@"
}

# prove ARGS...: with arguments, only the tests they choose; the rest of docs/PROOF.md stays as it stands.
prove() {
  prepare_for_tests
  local measured missed=0
  measured=$(mktemp -d)
  export PROOF_RESULTS="$measured/results.jsonl"
  heading 'tests marked prove'
  "$VENV_PYTHON" -m pytest -m prove "$@" || missed=1
  [ $# -gt 0 ] || prove_the_rest "$measured/benchmarks.md" || missed=1
  step 'docs/PROOF.md' "$VENV_PYTHON" -m tools.proof --results "$PROOF_RESULTS" \
    --benchmarks "$measured/benchmarks.md" --write docs/PROOF.md
  rm -rf "$measured"
  [ "$missed" -eq 0 ] || fail 'Not everything was reached.' 'docs/PROOF.md has the figures, the lines above the reason.'
}

prove_the_rest() {
  local missed=0
  if "$VENV_PYTHON" -m tests.container.engine; then
    heading 'image, compose and manifest in containers'
    "$VENV_PYTHON" -m tests.container || missed=1
  fi
  check_policies
  step 'benchmarks' "$VENV_PYTHON" -m bench --write "$1"
  return $missed
}

main() {
  local command=${1:-prepare}
  [ $# -eq 0 ] || shift
  case $command in
    prepare)
      prepare
      say 'Ready: ./setup.sh run, or ./setup.sh test'
      ;;
    run) run "$@" ;;
    test) if [ $# -eq 0 ]; then test_all; else test_some "$@"; fi ;;
    prove) prove "$@" ;;
    help | -h | --help) show_help ;;
    *)
      show_help >&2
      fail "there is no command '$command'"
      ;;
  esac
}

main "$@"
