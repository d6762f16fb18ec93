#!/usr/bin/env bash
# Compares what skops-rs reads with what other readers read, on generated files. Makes the environments that are missing.
#
#   run.sh [COUNT [SEED]]   so many cases of each kind (default 10000)
#
# Prints what was counted, and fails when two readers differ or too few of the cases were accepted to say anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export SKOPS_RS_VENVS=${SKOPS_RS_VENVS:-$root/target/venvs}
count=${1:-10000} seed=${2:-0}
python=${PYTHON:-python3}
# The newest numpy and scipy, and the oldest that skops 0.16 can be used with.
environments=(skops-0.16 skops-0.16-sklearn-1.2-numpy-1.23)

if [ -z "${SKOPS_RS_READERS:-}" ]; then
    cargo build --quiet --release --example readers --features bzip2,lzma
    export SKOPS_RS_READERS=$root/target/release/examples/readers
fi
"$root/fixtures/environments/create.sh" "${environments[@]}" parsers

for reader in archive schema policy; do
    "$python" "$reader.py" --count "$count" --seed "$seed"
done
for environment in "${environments[@]}"; do
    for reader in npy npz; do
        "$SKOPS_RS_VENVS/$environment/bin/python" "$reader.py" --count "$count" --seed "$seed"
    done
done
"$SKOPS_RS_VENVS/parsers/bin/python" mlmodel.py --count "$count" --seed "$seed"
