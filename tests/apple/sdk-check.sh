#!/bin/sh
# sdk-check.sh [SDKROOT] - compiles every C and Objective-C file of the macOS build against a macOS
# SDK, for arm64 and x86_64, and links the executables of the bundles.
#
# The SDK: the argument, PKTMOD_MACOS_SDK, or what xcrun says. Without one, or without clang: 77.
# Nothing is run. cJSON and PCRE2 are taken by their headers alone, and the text of the schema is
# made by CMake; the linker is told that they will come, and nothing else may be missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIP: $*"
    exit 77
}

sdk=${1:-${PKTMOD_MACOS_SDK:-}}
if [ -z "$sdk" ] && command -v xcrun >/dev/null 2>&1; then
    sdk=$(xcrun --show-sdk-path)
fi
[ -n "$sdk" ] || skip "no macOS SDK: sdk-check.sh SDKROOT, or PKTMOD_MACOS_SDK=SDKROOT"
[ -d "$sdk/System/Library/Frameworks/NetworkExtension.framework" ] ||
    { echo "sdk-check.sh: $sdk is no macOS SDK: it has no NetworkExtension" >&2; exit 2; }
command -v clang >/dev/null 2>&1 || skip "no clang"
linker=''
if [ "$(uname -s)" = Darwin ]; then
    linker=ld64
elif command -v ld64.lld >/dev/null 2>&1; then
    linker=$(command -v ld64.lld)
elif command -v ld.lld >/dev/null 2>&1; then # the same program, told by its name what to be
    linker=lld
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "$linker" = lld ]; then
    ln -s "$(readlink -f "$(command -v ld.lld)")" "$work/ld64.lld"
    linker=$work/ld64.lld
fi

# Headers of the libraries that are not in the SDK, and none beside them.
mkdir -p "$work/include/cjson"
for header in pcre2.h cjson/cJSON.h; do
    for folder in /usr/include /usr/local/include /opt/homebrew/include; do
        if [ -e "$folder/$header" ]; then
            cp "$folder/$header" "$work/include/$header"
            break
        fi
    done
    [ -e "$work/include/$header" ] || skip "no $header"
done

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wswitch-enum -Wimplicit-fallthrough -Wundef -Wvla -Wcast-qual -Wwrite-strings -Werror'

compile() { # architecture, source
    object=$work/$1/$(echo "$2" | tr / _).o
    case $2 in
    *.m) language="-fno-objc-arc -fblocks -Wall -Wextra -Werror -Werror=objc-method-access" ;;
    *) language="-std=c17 $warnings -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE" ;;
    esac
    # shellcheck disable=SC2086 # lists of options
    clang -target "$1-apple-macos11" -isysroot "$sdk" -I. -Ilibpktmod -Ilibpktmod/include \
        -I"$work/include" $language -O1 -c "$2" -o "$object"
}

# What the linker has to take on trust: cJSON and PCRE2, by their names, and the text that CMake makes.
undefined() { # architecture, executable
    for reader in llvm-nm llvm-nm-14 nm; do
        command -v "$reader" >/dev/null 2>&1 || continue
        find "$work/$1" "$work/$1-$2" -name '*.o' -exec "$reader" -u {} + 2>/dev/null |
            { grep -oE '_((cJSON|pcre2)_[A-Za-z0-9_]+|pm_rules_schema)' || true; } | sort -u | sed 's/^/-U /'
        return
    done
}

objects() { # architecture, executable
    find "$work/$1" "$work/$1-$2" -name '*.o'
}

link_all() { # architecture, executable, frameworks..., objects of it alone in $work/$1-$2
    architecture=$1
    executable=$2
    shift 2
    frameworks=''
    for framework in "$@"; do
        frameworks="$frameworks -framework $framework"
    done
    # shellcheck disable=SC2046,SC2086
    if [ "$linker" = ld64 ]; then
        clang -target "$architecture-apple-macos11" -isysroot "$sdk" "$work/$architecture"/*.o \
            "$work/$architecture-$executable"/*.o $frameworks -lpcap \
            $(undefined "$architecture" "$executable" | sed 's/^-U /-Wl,-U,/') -o "$work/$architecture-$executable/$executable"
    else
        "$linker" -arch "$architecture" -platform_version macos 11.0 12.0 -syslibroot "$sdk" \
            $(objects "$architecture" "$executable") \
            -lSystem -lobjc -lnetwork -lpcap -framework CoreFoundation $frameworks \
            $(undefined "$architecture" "$executable") -o "$work/$architecture-$executable/$executable"
    fi
}

size() { # architecture, executable
    wc -c <"$work/$1-$2/$2" | tr -d ' '
}

# Those of the command that macOS has: all but live runs on Linux, as app/CMakeLists.txt says.
command_sources() {
    for source in app/*.c app/darwin/*.c; do
        case $source in
        app/command_run.c | app/command_ctl.c | app/run.c | app/run_*.c | app/control.c | app/control_*.c) ;;
        *) echo "$source" ;;
        esac
    done
}

compile_command() { # architecture
    for source in $(command_sources); do
        compile "$1" "$source"
        mv "$work/$1/$(echo "$source" | tr / _).o" "$work/$1-command/"
        count=$((count + 1))
    done
}

# The app is its own objects alone.
compile_app() { # architecture
    for source in app/darwin/*.m; do
        compile "$1" "$source"
        mv "$work/$1/$(echo "$source" | tr / _).o" "$work/$1-app/"
        count=$((count + 1))
    done
    rm -f "$work/$1"/*.o
}

check() { # architecture
    mkdir -p "$work/$1" "$work/$1-extension" "$work/$1-command" "$work/$1-app"
    count=0
    for source in libpktmod/*/*.c rules/*.c filter-ext/shards/*.c tunnel-ext/*.c tunnel-ext/darwin/*.c; do
        compile "$1" "$source"
        count=$((count + 1))
    done
    for source in filter-ext/darwin/*.m tunnel-ext/darwin/*.m; do
        compile "$1" "$source"
        mv "$work/$1/$(echo "$source" | tr / _).o" "$work/$1-extension/"
        count=$((count + 1))
    done
    compile_command "$1"
    [ -n "$linker" ] || { compile_app "$1"; echo "$1: $count files compile; no linker for Mach-O here"; return; }
    link_all "$1" command
    link_all "$1" extension Foundation Network NetworkExtension
    compile_app "$1"
    link_all "$1" app Foundation SystemExtensions NetworkExtension
    echo "$1: $count files compile; command ($(size "$1" command) bytes), extension ($(size "$1" extension)) and app ($(size "$1" app)) link"
}

# A wrong message must be refused, or all of this says nothing.
cat >"$work/wrong.m" <<'END'
#import <NetworkExtension/NetworkExtension.h>
void wrong(NEFilterPacketProvider *provider, NEPacket *packet);
void wrong(NEFilterPacketProvider *provider, NEPacket *packet)
{
    [provider dropPacket:packet];
}
END
if clang -target arm64-apple-macos11 -isysroot "$sdk" -fblocks -Werror=objc-method-access \
    -fsyntax-only "$work/wrong.m" 2>/dev/null; then
    echo "sdk-check.sh: a message that no class has was not refused" >&2
    exit 1
fi

check arm64
check x86_64
