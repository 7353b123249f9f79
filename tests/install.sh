#!/bin/sh
# install.sh GROUP... - installs what is missing of: build, test, ci, bench.
#
# apt-get on Debian and Ubuntu, brew on macOS; elsewhere it says what is missing. Does nothing, and
# needs no network and no root, when everything is there.
set -eu

system=other
if command -v apt-get >/dev/null 2>&1; then
    system=debian
elif [ "$(uname -s)" = Darwin ]; then
    system=macos
fi

missing=''
packages=''
optional='' # Debian packages that can be done without
node=''     # packages of npm, likewise
node_folder="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/pktmod"

# A library with its headers. macOS brings libpcap in its SDK.
has_library() { # pkg-config module, Debian package, brew formula
    case $system in
    debian) dpkg-query -W -f '${Status}' "$2" 2>/dev/null | grep -q 'ok installed' ;;
    macos) [ "$1" = libpcap ] || brew list --versions "$3" >/dev/null 2>&1 ;;
    *) pkg-config --exists "$1" 2>/dev/null ;;
    esac
}

lack() { # name, Debian package, brew formula
    missing="$missing $1"
    case $system in
    debian) packages="$packages $2" ;;
    macos) packages="$packages $3" ;;
    esac
}

tool() { # command, Debian package, brew formula
    command -v "$1" >/dev/null 2>&1 || lack "$@"
}

library() { # pkg-config module, Debian package, brew formula
    has_library "$@" || lack "$@"
}

# clang comes without the sanitizers' and libFuzzer's run time on some releases.
clang_runtime() {
    command -v clang >/dev/null 2>&1 || return 0
    [ "$system" = debian ] || return 0
    version=$(clang -dumpversion | cut -d. -f1)
    [ -n "$(find "/usr/lib/llvm-$version" /usr/lib/clang -name 'libclang_rt.fuzzer-*' 2>/dev/null)" ] ||
        lack "clang-runtime" "libclang-rt-$version-dev" ""
}

want() { # group
    case $1 in
    build)
        tool cc gcc llvm
        tool make make make
        tool cmake cmake cmake
        tool pkg-config pkg-config pkgconf
        library libpcap libpcap-dev libpcap
        library libcjson libcjson-dev cjson
        library libpcre2-8 libpcre2-dev pcre2
        if [ "$system" = debian ]; then
            library libc libc6-dev ""
            library libmnl libmnl-dev "" # filter-ext/linux
        fi
        ;;
    test)
        want build
        optional="$optional libvectorscan-dev libssl-dev"
        [ -d "$node_folder/node_modules/ajv" ] || node=ajv@8 # schema
        library cmocka libcmocka-dev cmocka
        tool python3 python3 python3
        tool tshark tshark wireshark
        tool mandoc mandoc mandoc
        [ -e /usr/share/zoneinfo/Europe/Berlin ] || lack tzdata tzdata ""
        if [ "$system" = debian ]; then # live
            tool ip iproute2 ""
            tool iptables iptables ""
            tool nginx nginx-light nginx
            tool curl curl curl
            tool dig bind9-dnsutils ""
            tool ping iputils-ping ""
            tool iperf3 iperf3 iperf3
            command -v nft >/dev/null 2>&1 || optional="$optional nftables"
            command -v systemd-analyze >/dev/null 2>&1 || optional="$optional systemd" # service
            # apple: the macOS providers under GNUstep
            tool clang clang llvm
            optional="$optional libgnustep-base-dev gnustep-make gobjc libblocksruntime-dev lld"
        fi
        ;;
    ci)
        want test
        tool clang clang llvm
        tool clang-tidy clang-tidy llvm
        tool clang-format clang-format clang-format
        tool shellcheck shellcheck shellcheck
        command -v google-chrome >/dev/null 2>&1 || # html_report_browser
            optional="$optional chromium"
        clang_runtime
        ;;
    bench)
        want build
        tool python3 python3 python3
        tool tcpdump tcpdump tcpdump
        tool tcprewrite tcpreplay tcpreplay
        if [ "$system" = debian ]; then
            tool nginx nginx-light nginx
            tool curl curl curl
            tool ip iproute2 ""
            tool iptables iptables ""
            tool iperf3 iperf3 iperf3
            tool ethtool ethtool ""
        fi
        ;;
    *)
        echo "install.sh: unknown group '$1'" >&2
        exit 2
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "install.sh: missing:$missing; install as root: $packages" >&2
        exit 1
    fi
}

install_missing() {
    echo "installing:$packages"
    case $system in
    debian)
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update
        # shellcheck disable=SC2086 # a list of packages
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
            install --no-install-recommends $packages >/dev/null
        ;;
    macos)
        # shellcheck disable=SC2086 # a list of packages
        brew install $packages
        ;;
    *)
        echo "install.sh: please install:$missing" >&2
        exit 1
        ;;
    esac
}

# Where it is not to be had, the rest does without it.
install_optional() { # Debian package
    [ "$system" = debian ] || return 0
    has_library "" "$1" "" && return 0
    [ "$(id -u)" -eq 0 ] || return 0
    echo "installing, if it is there: $1"
    env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends "$1" >/dev/null 2>&1 ||
        echo "not to be had: $1; done without it"
}

for group in "$@"; do
    want "$group"
done
if [ -n "$missing" ]; then
    install_missing
    if [ "$*" = ci ]; then # the version of a clang that was just installed is known only now
        missing=''
        packages=''
        clang_runtime
        [ -z "$missing" ] || install_missing
    fi
fi
for package in $optional; do
    install_optional "$package"
done
if [ -n "$node" ] && command -v npm >/dev/null 2>&1; then
    echo "installing, if it is there: $node"
    mkdir -p "$node_folder"
    npm install --silent --no-audit --no-fund --prefix "$node_folder" "$node" >/dev/null 2>&1 ||
        echo "not to be had: $node; done without it"
fi
