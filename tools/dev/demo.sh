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
	configure build --buildtype=release
	say "compiling what the demo needs"
	ninja -C build vswitchd/vswitchd ctl/vswitchctl tests/system/trafgen tests/system/guest-agent
	guest_image
	python3 -B tools/demo "$@"
}
