# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# ./dev bench: install the peers, build, measure. Standard output is the tables' alone.

root=${root:?set by ./dev}

dev_bench() {
	local word
	for word in "$@"; do
		case "$word" in
		-h | --help | --list)
			exec "$root/perf/run" "$@"
			;;
		esac
	done
	need build bench >&2
	build_tree build --buildtype=release >&2
	"$root/perf/run" "$@"
}
