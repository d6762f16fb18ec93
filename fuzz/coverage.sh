#!/usr/bin/env bash
# Which lines of src/ the corpus of each target reaches, in percent, and which files it reaches least.
#
#     LLVM_BIN=/usr/lib/llvm-22/bin fuzz/coverage.sh [TARGET...]
#
# It needs llvm-profdata and llvm-cov of the LLVM that rustc has (`rustc -vV`); Debian has them as llvm-NUMBER. Run
# `fuzz/run.sh` before it: that installs cargo-fuzz and makes corpora.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/target/cargo-fuzz/bin:$PATH" CARGO_INCREMENTAL=0
: "${LLVM_BIN:?where llvm-cov is}"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(audit load archive schema npy_header npz policy mlmodel verdict)
triple=$(rustc -vV | sed -n 's/^host: //p')

for target in "${targets[@]}"; do
    cargo fuzz coverage --sanitizer none --llvm-path "$LLVM_BIN" "$target" >"fuzz/artifacts/$target.coverage.log" 2>&1
    program=target/$triple/coverage/$triple/release/$target
    [ -e "$program" ] || program=fuzz/$program
    profile=fuzz/coverage/$target/coverage.profdata
    "$LLVM_BIN/llvm-cov" report "$program" --instr-profile "$profile" --show-region-summary=false \
        --show-branch-summary=false "$PWD/src" >"fuzz/coverage/$target.txt"
    # The columns are functions, how many were missed, percent, then the same of lines.
    sed -n "s/^TOTAL/$target/p" "fuzz/coverage/$target.txt" |
        awk '{ printf "%s: %d of %d lines, %s\n", $1, $5 - $6, $5, $7 }'
done
