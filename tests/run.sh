#!/usr/bin/env bash
# Every check of this project, on a new machine too: makes .venv, installs what is missing, then style, types, tests.
#   bash tests/run.sh                      all tests; prints the coverage of those that need no browser
#   bash tests/run.sh [pytest's arguments] only those
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# One virtual environment, made anew when the requirement files change.
stamp="$(cat requirements.txt tests/requirements.txt | python3 -c 'import hashlib, sys; print(sys.version, hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"
if [[ "$(cat .venv/stamp 2>/dev/null || true)" != "$stamp" ]]; then
    python3 -m venv --clear .venv
    .venv/bin/python -m pip install --quiet -r tests/requirements.txt
    echo "$stamp" > .venv/stamp # last: an install that was cut off is done again
fi
export PATH="$PWD/.venv/bin:$PATH"

# A browser: the system's Chromium if there is one, else one that can be had, else those tests are skipped.
has_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
has_playwright_chromium() {
    python -c 'import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not os.path.exists(p.chromium.executable_path))'
}
if ! has_chromium >/dev/null && ! has_playwright_chromium; then
    echo "No Chromium found; installing one."
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } || true
    fi
    has_chromium >/dev/null || python -m playwright install chromium || true
    if ! has_chromium >/dev/null && ! has_playwright_chromium; then
        if [[ "${CI:-}" == true ]]; then
            echo "ERROR: the browser tests need Chromium, and none could be installed." >&2
            exit 1
        fi
        echo "WARNING: no Chromium: the browser tests will be SKIPPED." >&2
    fi
fi

# The models of the tests are small: on two cores that others use too, torch's threads wait for each other most of the time.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

ruff check .
ruff format --check .
mypy nanogpt app.py train.py
if [[ $# -gt 0 ]]; then
    python -m pytest "$@"
else
    # Tests that compute use one thread, and those that drive a browser mostly wait, so they run side by side. Those that
    # need the machine to themselves come last.
    report="$(mktemp)"
    python -m pytest -m "not browser and not alone" --durations=15 --cov=nanogpt --cov-report= > "$report" 2>&1 &
    computing=$!
    failed=0
    python -m pytest -m browser tests/browser --durations=15 || failed=1
    wait "$computing" || failed=1
    cat "$report"
    rm "$report"
    python -m pytest -m alone --cov=nanogpt --cov-append --cov-report=term:skip-covered --cov-fail-under=90 || failed=1
    exit "$failed"
fi
