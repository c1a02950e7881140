# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# ./dev demo: build what it needs, then hand over to tools/demo.

dev_demo() {
	case "${1:-}" in
	'' | --once) ;;
	*) die "demo: unknown option $1" ;;
	esac
	is_root || die "the demo makes network namespaces: sudo ./dev demo"
	need build demo
	build_tree build --buildtype=release
	guest_image
	python3 -B tools/demo "$@"
}
