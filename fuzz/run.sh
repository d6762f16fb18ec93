#!/usr/bin/env bash
# Fuzzes each target for some seconds, from the seeds that seeds.py makes, and fails on any finding.
#
#     fuzz/run.sh SECONDS [TARGET...]
#
# It needs a stable Rust toolchain, a C++ compiler (libFuzzer is C++) and Python 3.11; cargo-fuzz is installed below
# target/ if it is missing. Two targets run at a time, or as many as SKOPS_RS_JOBS says. What each has printed is in
# fuzz/artifacts/TARGET.log, its corpus in fuzz/corpus/TARGET, which grows from run to run.
#
# SKOPS_RS_SANITIZER=address has AddressSanitizer look at the unsafe code of the crates below, at a third of the speed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VERSION=0.13.1
ALL=(audit load archive schema npy_header npz policy mlmodel verdict)

seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${ALL[@]}")
sanitizer=${SKOPS_RS_SANITIZER:-none}
built=fuzz/target
[ "$sanitizer" = none ] || built=fuzz/target/$sanitizer

install_cargo_fuzz() {
    export PATH="$PWD/target/cargo-fuzz/bin:$PATH"
    [ "$(cargo fuzz --version 2>/dev/null)" = "cargo-fuzz $VERSION" ] ||
        cargo install --quiet --locked --root target/cargo-fuzz --version "$VERSION" cargo-fuzz
}

# There is no unsafe code here for a sanitizer to look at, and without one everything is built as a release is. With one, the
# compiler has to be told that an option is meant which stable Rust does not promise to keep.
build() {
    local one=()
    [ ${#targets[@]} -gt 1 ] || one=("${targets[0]}")
    [ "$sanitizer" = none ] || export RUSTC_BOOTSTRAP=1
    CARGO_INCREMENTAL=0 cargo fuzz build --sanitizer "$sanitizer" --target-dir "$built" "${one[@]}"
}

# libFuzzer takes one dictionary. What is in an archive is in all of them.
dictionary() {
    case $1 in
    archive | audit | load | npz | verdict) cat fuzz/dict/{archive,npy,schema}.dict ;;
    npy_header) cat fuzz/dict/npy.dict ;;
    *) cat "fuzz/dict/$1.dict" ;;
    esac
}

# Inputs have up to 64 KiB. One that takes 10 seconds, or 2 GiB in all, is a finding; what is asserted of memory is far
# stricter. A finding ends the run of its target.
fuzz() {
    local target=$1 folder=fuzz/artifacts/$1
    mkdir -p "$folder" "fuzz/corpus/$target"
    dictionary "$target" >"$folder.dict"
    local program=$built/x86_64-unknown-linux-gnu/release/$target
    if "$program" "fuzz/corpus/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
        -dict="$folder.dict" -artifact_prefix="$folder/" >"$folder.log" 2>&1; then
        grep --text '^#.*DONE' "$folder.log" | sed "s/^/$target: /"
        return
    fi
    echo "$target: FAILED"
    grep --text 'panicked at' --after-context=6 "$folder.log" | head -20 || true
    grep --text 'SUMMARY\|Test unit written' "$folder.log" || tail -5 "$folder.log"
    echo "to see it again: $program FILE, with the file that was written"
    return 1
}

export -f dictionary fuzz
export seconds built

install_cargo_fuzz
build
python3 fuzz/seeds.py
printf '%s\n' "${targets[@]}" | xargs -P "${SKOPS_RS_JOBS:-2}" -I TARGET bash -euo pipefail -c 'fuzz TARGET'
echo "fuzzed: ${targets[*]}"
