#!/bin/sh
# Makes the virtual environment VENV exactly as the locks say (TORCH's, then dev.txt and bench.txt: the tools of `make test`,
# `make lock` and `make bench`) and installs this checkout into it. Called by make.
#   VENV     folder of the environment          TORCH     cpu or cuda; empty: what VENV has already, else cpu
#   PYTHON   interpreter, 3.11 or newer         PIP_ARGS  extra options for pip, e.g. where to look for wheels
# What is there already is kept when it was made from the same lock; otherwise the folder is made anew, since installing over
# an old one would leave packages that no lock names.
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 2; }

: "${VENV:=.venv}" "${PYTHON:=}" "${PIP_ARGS:=}"
: "${TORCH:=$(cut -d' ' -f1 "$VENV/.lock-of" 2>/dev/null)}"
: "${TORCH:=cpu}"
case $TORCH in
    cpu | cuda) lock=requirements/$TORCH.txt ;;
    *) die "expected TORCH=cpu or TORCH=cuda, found TORCH=$TORCH. To fix it: make repro TORCH=cpu" ;;
esac
dev=requirements/dev.txt
bench=requirements/bench.txt
for file in "$lock" "$dev" "$bench"; do
    [ -f "$file" ] || die "expected the lock file $file in $(pwd), found none. To fix it: git checkout -- $file, or make lock"
done

export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$(dirname -- "$VENV")"
if command -v flock >/dev/null; then # a second make beside this one waits here
    exec 9>"$VENV.lock"
    flock -n 9 || { say "another make is preparing $VENV; waiting for it"; flock 9; }
fi

# pip_install FILE...: exactly what the lock holds; hash-checked, no dependency that it doesn't name, no unpinned build tool
pip_install() {
    # shellcheck disable=SC2086 # PIP_ARGS is a list of options
    "$VENV/bin/python" -m pip install -qq $PIP_ARGS --no-compile --require-hashes --no-deps --no-build-isolation --use-pep517 -r "$1"
}

# locked NAME FILE: the lines of a lock that pin one package
locked() { awk -v name="$1" 'index($0, name "==") == 1 { on = 1 } on { print } on && !/\\$/ { on = 0 }' "$2"; }

find_python() {
    [ -n "$PYTHON" ] || PYTHON=$(command -v python3.11 || command -v python3 || true)
    [ -n "$PYTHON" ] || die "expected Python 3.11 or newer, found no python3.11 or python3. To fix it: install Python 3.11"
    command -v "$PYTHON" >/dev/null || die "expected Python 3.11 or newer, found no $PYTHON. To fix it: make repro PYTHON=python3.11"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "expected Python 3.11 or newer, found $("$PYTHON" --version 2>&1) ($PYTHON). To fix it: make repro PYTHON=python3.11"
}

make_environment() {
    find_python
    say "making $VENV from $lock with $("$PYTHON" --version) (several minutes, once)"
    rm -f "$VENV/.lock-of"
    "$PYTHON" -m venv --clear "$VENV"
    part=$VENV/part.txt
    locked setuptools "$lock" >"$part" # first: packages without a wheel are built with it
    pip_install "$part"
    locked torch "$lock" >"$part"
    if [ "$TORCH" = cpu ] && ! pip_install "$part"; then
        say "no source that pip knows offers the CPU build of torch (the lines above)."
        say "Going on with requirements/cuda.txt: about 3 GB, works on a CPU too. To have the small build instead, stop this and give"
        say "the address of the CPU wheels from the PyTorch site's install page: make repro PIP_ARGS='--extra-index-url ADDRESS'"
        lock=requirements/cuda.txt
    fi
    rm -f "$part"
    pip_install "$lock"
    pip_install "$dev"
    pip_install "$bench"
    # pip compiles one file after the other; what can't be compiled (templates, tests of another Python) is left as it is
    "$VENV/bin/python" -m compileall -qq -j 0 "$VENV/lib" >/dev/null 2>&1 || true
    printf '%s\n' "$wanted" >"$VENV/.lock-of"
}

wanted="$TORCH $(cat "$lock" "$dev" "$bench" | cksum)"
[ "$(cat "$VENV/.lock-of" 2>/dev/null)" = "$wanted" ] || make_environment

here="$(pwd) $(cksum <pyproject.toml)"
if [ "$(cat "$VENV/.project" 2>/dev/null)" != "$here" ]; then
    "$VENV/bin/python" -m pip install -qq --no-index --no-deps --no-build-isolation --editable .
    printf '%s\n' "$here" >"$VENV/.project"
fi
