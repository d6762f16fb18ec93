#!/usr/bin/env bash
# Runs skops's own tests, keeps every file that skops writes meanwhile, and gives them to skops-rs. See README.md.
#
#   run.sh          three environments: skops 0.16 with all the libraries that its tests know; with scipy 1.11; skops 0.5
#   run.sh --all    each release, and skops 0.16 beside each scikit-learn
#   run.sh NAME...  these environments
#
# SKOPS_RS_CAPTURES keeps the files somewhere else than in target/converse.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
venvs=${SKOPS_RS_VENVS:-$root/target/venvs}
captures=${SKOPS_RS_CAPTURES:-$root/target/converse}

# What `skops update` makes of the files of old protocols: their environment, and one of skops 0.16 with the same scikit-learn.
declare -A updaters=([skops-0.5]=skops-0.16-sklearn-1.2 [skops-0.9]=skops-0.16-sklearn-1.3)

case "${1:-}" in
    '') names=(external skops-0.16-sklearn-1.3 skops-0.5) ;;
    --all) mapfile -t names < <(cd "$root/fixtures/environments" && ls external.txt skops-*.txt | sed 's/\.txt$//' | sort -V) ;;
    -*) sed -n '2,9p' run.sh >&2; exit 2 ;;
    *) names=("$@") ;;
esac

# One thread each; sets in one order; nothing is written to the environments.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 TZ=UTC LC_ALL=C.UTF-8

"$root/fixtures/environments/create.sh" pytest "${names[@]}"
for name in "${names[@]}"; do
    if [ -n "${updaters[$name]:-}" ]; then "$root/fixtures/environments/create.sh" "${updaters[$name]}"; fi
done
(cd "$root" && cargo build --quiet --release --features bzip2,lzma --bin skops-rs)

# One environment: its tests, and then, for an old protocol, `skops update`.
capture() {
    local name=$1 updater=$2 packages=$venvs/pytest/lib/python3.11/site-packages
    rm -rf -- "${captures:?}/$name" "${captures:?}/$name-updated"
    echo "capturing $name"
    "$venvs/$name/bin/python" capture.py suite "$captures/$name" "$packages" >"$captures/$name.log" 2>&1
    if [ -n "$updater" ]; then
        "$venvs/$updater/bin/python" capture.py update "$captures/$name-updated" "$packages" "$captures/$name" \
            >>"$captures/$name.log" 2>&1
    fi
}

mkdir -p -- "$captures"
running=()
finish() {
    local pid=${running[0]%%:*} name=${running[0]#*:}
    running=("${running[@]:1}")
    wait "$pid" || { tail -n 30 -- "$captures/$name.log" >&2; echo "run.sh: $name failed" >&2; exit 1; }
}
for name in "${names[@]}"; do
    if [ "${#running[@]}" -ge 2 ]; then finish; fi
    capture "$name" "${updaters[$name]:-}" &
    running+=("$!:$name")
done
while [ "${#running[@]}" -gt 0 ]; do finish; done

folders=()
for name in "${names[@]}"; do
    folders+=("$captures/$name")
    if [ -n "${updaters[$name]:-}" ]; then folders+=("$captures/$name-updated"); fi
done
exec "${PYTHON:-python3}" judge.py "${CARGO_TARGET_DIR:-$root/target}/release/skops-rs" "${folders[@]}"
