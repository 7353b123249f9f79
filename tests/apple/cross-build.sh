#!/bin/sh
# cross-build.sh [SDKROOT] - builds the macOS bundles with CMake on a machine that is no Mac, against
# a macOS SDK, and looks at what lies where in them. Nothing is signed, nothing is run.
#
# The SDK: the argument, or PKTMOD_MACOS_SDK. Without one, or without clang, lld and LLVM's ar: 77.
# PCRE2 and cJSON are empty archives: their symbols are looked for when a program starts. Libraries
# that may be left out are, because those of this machine would be found.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIP: $*"
    exit 77
}

sdk=${1:-${PKTMOD_MACOS_SDK:-}}
[ "$(uname -s)" != Darwin ] || skip "this is a Mac: cmake -DPKTMOD_TEAM=... builds the real ones"
[ -n "$sdk" ] || skip "no macOS SDK: cross-build.sh SDKROOT, or PKTMOD_MACOS_SDK=SDKROOT"
for tool in clang ld.lld cmake; do
    command -v "$tool" >/dev/null 2>&1 || skip "no $tool"
done
llvm=$(dirname "$(readlink -f "$(command -v ld.lld)")")
for tool in llvm-ar llvm-ranlib; do
    [ -x "$llvm/$tool" ] || skip "no $llvm/$tool"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/include/cjson" "$work/lib"
for header in pcre2.h cjson/cJSON.h; do
    [ -e "/usr/include/$header" ] || skip "no $header"
    cp "/usr/include/$header" "$work/include/$header"
done
echo 'extern int nothing; int nothing;' >"$work/nothing.c"
clang -target arm64-apple-macos11 -isysroot "$sdk" -c "$work/nothing.c" -o "$work/nothing.o"
for library in pcre2-8 cjson; do
    "$llvm/llvm-ar" rcs "$work/lib/lib$library.a" "$work/nothing.o"
done

cat >"$work/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_OBJC_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET arm64-apple-macos11)
set(CMAKE_OBJC_COMPILER_TARGET arm64-apple-macos11)
set(CMAKE_OSX_SYSROOT $sdk)
set(CMAKE_AR $llvm/llvm-ar)
set(CMAKE_RANLIB $llvm/llvm-ranlib)
set(CMAKE_INSTALL_NAME_TOOL /bin/true)
set(CMAKE_EXE_LINKER_FLAGS "-fuse-ld=lld -lobjc -lnetwork -framework CoreFoundation -Wl,-undefined,dynamic_lookup")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_PREFIX_PATH $work)
END
build=$work/build
cmake -S . -B "$build" -DCMAKE_TOOLCHAIN_FILE="$work/toolchain.cmake" -DPKTMOD_TEAM=TEAM123456 -DPKTMOD_WERROR=ON \
    -DBUILD_TESTING=OFF -DPKTMOD_VECTORSCAN=OFF -DPKTMOD_QUIC=OFF >"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
cmake --build "$build" --parallel 2 --target pktmod_host pktmod_app >"$work/log" 2>&1 ||
    { grep -E 'error|warning' "$work/log" || tail -20 "$work/log"; exit 1; }

# kind of file, where it lies
is_macho() {
    [ "$(od -An -tx4 -N4 "$1" | tr -d ' ')" = feedfacf ] || { echo "cross-build.sh: $1 is no 64-bit Mach-O" >&2; exit 1; }
}
id=org.example.pktmod.extension
app=$build/filter-ext/darwin/PktmodHost.app/Contents
extension=$app/Library/SystemExtensions/$id.systemextension/Contents
is_macho "$app/MacOS/PktmodHost"
is_macho "$extension/MacOS/$id"
is_macho "$build/pktmod"
for list in "$app/Info.plist" "$extension/Info.plist" "$build/filter-ext/darwin/Extension-developer-id.entitlements" \
    "$build/filter-ext/darwin/tunnel.mobileconfig" "$build/filter-ext/darwin/tunnel-daemon.plist"; do
    python3 -c 'import plistlib, sys; plistlib.load(open(sys.argv[1], "rb"))' "$list"
done
for class in PktmodPacketFilterProvider PktmodPacketTunnelProvider; do
    grep -q "$class" "$extension/MacOS/$id" || { echo "cross-build.sh: the extension has no $class" >&2; exit 1; }
done
echo "app, extension and command are built, and lie where the system looks for them"
