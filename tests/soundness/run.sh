#!/usr/bin/env bash
# Differential soundness against real skops: all fixtures and some mutants, and before that the self-test of the harness. Makes
# the environments that are missing. Further arguments go to soundness.py, such as `--seed night --mutants 100000`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${PYTHON:-python3}

fixtures/environments/create.sh skops-0.5 skops-0.9 skops-0.11 skops-0.13 skops-0.16
cargo build --quiet --release
"$python" tests/soundness/soundness.py --self-test --mutants 2000 "$@"
