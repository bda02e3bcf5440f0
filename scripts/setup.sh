#!/usr/bin/env bash
# Installs what controlwatch needs into .venv, and what its tests need into the system.
#
#   scripts/setup.sh run     the program (called by ./quickstart)
#   scripts/setup.sh test    the program, the linters and the servers of the tests (called by ./check)
#
# Pinned by requirements*.lock with hashes. Done again in a moment when nothing has changed. Debian packages are
# installed only by root, or where sudo asks for no password; else it says which are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:?run or test}

say() { printf '%s\n' "setup: $*" >&2; }

# Prefix of commands that need root; fails where they cannot be run.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n -- "$@"; fi
}
may_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# Installs Debian packages without letting their services start, now or at the next boot: the tests start their own.
install_packages() (
    say "installing Debian packages: $*"
    output=$(mktemp)
    trap 'rm -f "$output"' EXIT
    policy=/usr/sbin/policy-rc.d # Debian's way to say that no service may be started
    if [ ! -e $policy ]; then
        trap 'rm -f "$output"; as_root rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    if ! as_root apt-get update -q >"$output" 2>&1 ||
        ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
            -o DPkg::Lock::Timeout=600 "$@" </dev/null >>"$output" 2>&1; then
        say "apt-get failed:"
        tail -n 40 "$output" >&2
        exit 1
    fi
    if [ -d /run/systemd/system ]; then
        for package in "$@"; do
            case $package in
                prometheus | prometheus-alertmanager) as_root systemctl disable --quiet "$package" ;;
                openssh-server) as_root systemctl disable --quiet ssh ;;
            esac
        done
    fi
)

# A Python of a supported version. A name on the path may be a launcher of a version that is not there: each is run.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 found; install one (Debian: apt-get install python3), or name it: PYTHON=/path/to/python3 $0"
    return 1
}

make_environment() {
    local python package
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if may_install; then
            install_packages "$package"
        else
            say "$python cannot make virtual environments; as root: apt-get install $package"
            return 1
        fi
    fi
    say "making .venv with $python"
    "$python" -m venv --clear .venv
}

install_python_packages() {
    local lock=requirements.lock stamp=.venv/installed-run wanted
    if [ "$purpose" = test ]; then lock=requirements-dev.lock stamp=.venv/installed-test; fi
    # What the environment was made from; it moves with its folder's name, for its scripts hold the path.
    wanted=$({ pwd; cat pyproject.toml requirements*.lock; } | sha256sum)
    if [ "$(cat .venv/installed-test 2>/dev/null)" = "$wanted" ] || [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if ! .venv/bin/python -c 'import pip' 2>/dev/null || [ "$(cat .venv/folder 2>/dev/null)" != "$PWD" ]; then
        make_environment
        pwd >.venv/folder
    fi
    say "installing the Python packages of $lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
    local uv=(.venv/bin/uv --quiet pip install --python .venv/bin/python)
    "${uv[@]}" --require-hashes -r $lock
    "${uv[@]}" --no-deps --no-build-isolation --editable .
    printf '%s\n' "$wanted" >$stamp
}

# Debian packages of what the tests start, where it is not there already.
missing_packages() {
    has() { PATH=$PATH:/usr/sbin command -v "$1" >/dev/null; }
    has chromium || echo chromium
    PATH=$PATH:/sbin ldconfig -p | grep -q libatomic.so.1 || echo libatomic1 # Playwright's own Node.js wants it
    { has fc-list && [ -n "$(fc-list :lang=zh-tw)" ]; } || echo fonts-noto-cjk
    has prometheus && has promtool || echo prometheus
    has prometheus-alertmanager && has amtool || echo prometheus-alertmanager
    has mvn || echo maven
    has sshd || echo openssh-server
    has ssh && has ssh-keygen || echo openssh-client
}

install_test_programs() {
    local missing
    mapfile -t missing < <(missing_packages)
    if [ ${#missing[@]} = 0 ]; then return; fi
    if ! may_install || ! install_packages "${missing[@]}"; then
        say "the tests lack programs; as root: apt-get install --no-install-recommends ${missing[*]}"
        say "without maven the tests of Kafka and Elasticsearch are skipped; without the others their tests fail"
    fi
}

case $purpose in run | test) ;; *) say "'$purpose' is neither run nor test" && exit 2 ;; esac
exec 9<pyproject.toml
flock 9 # two set-ups of one folder wait for each other
if [ "$purpose" = test ]; then install_test_programs; fi
install_python_packages
