#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# compile.sh COMPILER BUILDTYPE [ROOT]: build all of it with -Werror, below build-lint; or in build/,
# if that is such a tree, as ./dev test makes it on a machine that had none.
set -euo pipefail
compiler=$1
buildtype=$2
cd "${3:-$(dirname "$0")/../..}"
folder=build-lint/$compiler

# Is build/ a tree of this compiler that was set up so?
like_build() {
	[ "$compiler" = gcc ] && [ -f build/build.ninja ] || return 1
	meson introspect build --buildoptions | python3 -c "
import json, sys
options = {option['name']: option['value'] for option in json.load(sys.stdin)}
sys.exit(options['werror'] is not True or options['buildtype'] != '$buildtype')"
}
if like_build; then
	folder=build
fi
if [ ! -f "$folder/build.ninja" ]; then
	CC=$compiler meson setup "$folder" --buildtype="$buildtype" -Dwerror=true >/dev/null
fi
if ! ninja -C "$folder" --quiet >"$folder/compile.log" 2>&1; then
	grep -E 'error|warning|FAILED|undefined' "$folder/compile.log" | head -40
	exit 1
fi
