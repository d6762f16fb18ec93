#!/usr/bin/env bash
# Prints everything that others can choose in every format, and reads it back: with parsers in Rust, and with those of
# Python, GitHub, libxml2 and Prometheus. What was printed stays in target/tmp/injection.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

kept=${CARGO_TARGET_DIR:-target}/tmp/injection
rm -rf "$kept"
cargo test --all-features --test injection
fixtures/environments/create.sh parsers
"${SKOPS_RS_VENVS:-target/venvs}/parsers/bin/python" tests/injection/parse.py "$kept"
