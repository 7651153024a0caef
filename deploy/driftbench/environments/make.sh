#!/usr/bin/env bash
# Makes an environment for detectors of others: make.sh NAME FOLDER [SITE_PACKAGES]
# It is FOLDER/NAME and has what NAME.txt lists. Does nothing when it is there, of the same list.
# SITE_PACKAGES, of another environment, is searched last: for torch, which is large to have twice.
set -euo pipefail

name=$1
made=$2/$1
borrowed=${3:-}
listed=$(dirname "$0")/$name.txt
stamp=$made/made-of

wanted() {
    cat "$listed"
    echo "# and $borrowed"
}
fail() {
    echo "make.sh: $1" >&2
    exit 1
}

if [ ! -f "$listed" ]; then fail "there is no $listed"; fi
if [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ]; then exit 0; fi
# What is there is emptied: it should be an environment.
if [ -e "$made" ] && [ ! -f "$made/pyvenv.cfg" ]; then fail "$made is something else"; fi
python3.11 -m venv --clear "$made"
"$made/bin/python" -m pip install -q --disable-pip-version-check -r "$listed"
if [ -n "$borrowed" ]; then
    # A .pth file's folders come after the environment's own, so its numpy is found first.
    realpath "$borrowed" >"$made/lib/python3.11/site-packages/borrowed.pth"
fi
wanted >"$stamp"
