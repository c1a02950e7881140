#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# compile.sh COMPILER BUILDTYPE [ROOT]: build all of it with -Werror below build-lint.
set -euo pipefail
compiler=$1
buildtype=$2
cd "${3:-$(dirname "$0")/../..}"
folder=build-lint/$compiler
if [ ! -f "$folder/build.ninja" ]; then
	CC=$compiler meson setup "$folder" --buildtype="$buildtype" -Dwerror=true >/dev/null
fi
if ! ninja -C "$folder" --quiet >"$folder/compile.log" 2>&1; then
	grep -E 'error|warning|FAILED|undefined' "$folder/compile.log" | head -40
	exit 1
fi
