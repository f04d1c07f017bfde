#!/bin/bash
# Installs the Debian packages that set-up or tests need and this machine lacks; says which, why, and by what right.
#   debian.sh python COMMAND   COMMAND is Python 3.11 or later and can make a virtual environment with pip
#   debian.sh peers            what scripts/debian-peers.txt names is there
# It installs as root or through `sudo -n`, never asks for a password, and ends with one clear sentence if it may not.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

fail() {
    echo "$1" >&2
    exit 2
}

install() {
    local reason=$1
    shift
    local by=()
    if ! command -v apt-get > /dev/null; then
        fail "$reason, and this machine has no apt-get: please install by its own means: $*"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2> /dev/null || fail "$reason. Please run once:  sudo apt-get install $*"
        by=(sudo -n)
    fi
    echo "$reason. Installing these Debian packages (a minute or two): $*"
    local log
    log=$(mktemp)
    trap "rm -f '$log'" EXIT
    "${by[@]}" apt-get update -q=2 > "$log" 2>&1 \
        || fail "$(cat "$log")"$'\n'"The package lists could not be fetched; please run once:  apt-get install $*"
    "${by[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q=2 -y --no-install-recommends "$@" > "$log" 2>&1 \
        || fail "$(cat "$log")"$'\n'"Debian could not install: $*. Its own message stands above."
}

there() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" > /dev/null ;;
    esac
}

python() {
    local python=$1
    command -v "$python" > /dev/null || fail "There is no $python here: please install Python 3.11, or say  make PYTHON=..."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || fail "$python is $("$python" --version), but Branchwatch needs Python 3.11 or later: say  make PYTHON=..."
    if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        install "$python cannot make a virtual environment with pip" python3-venv
        "$python" -c 'import ensurepip, venv' 2> /dev/null \
            || fail "$python still cannot make a virtual environment: please install its venv and ensurepip modules"
    fi
}

peers() {
    local missing=() package gives why
    while read -r package gives why; do
        case $package in '' | '#'*) continue ;; esac
        if ! there "$gives"; then
            echo "Missing for the tests: $package ($why)"
            missing+=("$package")
        fi
    done < "$here/debian-peers.txt"
    [ "${#missing[@]}" -gt 0 ] || return 0
    install "The tests talk to real peers" "${missing[@]}"
    case " ${missing[*]} " in *" mosquitto "*)
        echo "Debian also starts mosquitto as a service on 127.0.0.1:1883. The tests do not use it;"
        echo "they start brokers of their own on free ports. To switch it off: systemctl disable --now mosquitto" ;;
    esac
}

case ${1:-} in
    python) python "${2:-python3}" ;;
    peers) peers ;;
    *) fail "usage: debian.sh python COMMAND | debian.sh peers" ;;
esac
