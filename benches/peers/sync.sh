#!/usr/bin/env bash
# sync.sh UV: the environments of the peers, exactly as uv.lock has them. A Python 3.13 is used where there is one.
set -euo pipefail
uv=$(realpath -s "$1")
cd "$(dirname "$0")"
UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --locked --quiet
for python in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3; do
    if path=$("$python" -c 'import sys; print(sys.executable)' 2>/dev/null); then
        UV_PROJECT_ENVIRONMENT=.venv-probly \
            "$uv" sync --locked --quiet --no-default-groups --group probly --python "$path"
        exit
    fi
done
echo "probly is left out: it needs Python 3.13, and there is none here" >&2
