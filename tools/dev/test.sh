# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# ./dev test: each part leaves its report in build/results; tools/count-tap adds them up.

root=${root:?set by ./dev}

results=build/results

# A part that could not even start is one failed case.
failed_part() {
	printf '1..1\nnot ok 1 - %s\n' "$1" >"$results/$1.tap"
	echo "dev: $1 failed" >&2
}

# meson_part NAME FOLDER MESON-TEST-ARGS... : run tests of a build folder and keep their log.
meson_part() {
	local name=$1 folder=$2
	shift 2
	say "tests: $name"
	rm -f "$folder/meson-logs/testlog.json"
	CMOCKA_MESSAGE_OUTPUT=TAP "${wrapper[@]}" meson test -C "$folder" --no-rebuild \
		--print-errorlogs "$@" || true
	if [ -f "$folder/meson-logs/testlog.json" ]; then
		cp "$folder/meson-logs/testlog.json" "$results/$name.json"
	else
		failed_part "$name"
	fi
}

# The programs of a suite, as targets of ninja.
programs_of() {
	meson introspect "$1" --tests | python3 -c "
import json, os, sys
for test in json.load(sys.stdin):
    if any(suite.split(':')[-1] == '$2' for suite in test['suite']):
        print(os.path.relpath(test['cmd'][0], '$1'))"
}

test_release() {
	if (build_tree build --buildtype=release); then
		guest_image || failed_part guest-image
		meson_part release build "$@"
	else
		failed_part release-build
	fi
}

test_lints() {
	say "lints"
	tools/lint/run --tap "$results/lint.tap" || true
	[ -s "$results/lint.tap" ] || failed_part lint
}

test_asan() {
	if (build_tree build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined \
		-Db_lundef=false); then
		ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 \
			UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
			meson_part asan build-asan --timeout-multiplier 4
	else
		failed_part asan-build
	fi
}

test_tsan() {
	local programs suppressions=''
	if ! (configure build-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false); then
		failed_part tsan-build
		return
	fi
	programs=$(programs_of build-tsan concurrent)
	if [ -z "$programs" ]; then
		say "no test is in the suite 'concurrent': nothing to run under TSan"
		return
	fi
	say "compiling build-tsan"
	# shellcheck disable=SC2086
	if ! ninja -C build-tsan $programs; then
		failed_part tsan-build
		return
	fi
	# TSan cannot map its shadow where the kernel randomises more bits than it knows.
	if [ "$(cat /proc/sys/vm/mmap_rnd_bits)" -gt 28 ]; then
		wrapper=(setarch -R)
	fi
	[ -f tests/tsan.supp ] && suppressions=":suppressions=$root/tests/tsan.supp"
	TSAN_OPTIONS=halt_on_error=1$suppressions \
		meson_part tsan build-tsan --suite concurrent --timeout-multiplier 6
	wrapper=()
}

dev_test() {
	local quick=false suite=''
	wrapper=()
	while [ $# -gt 0 ]; do
		case "$1" in
		--quick) quick=true ;;
		--suite)
			[ $# -ge 2 ] || die "test: --suite needs a name"
			suite=$2
			shift
			;;
		--)
			shift
			break
			;;
		*) die "test: unknown option $1" ;;
		esac
		shift
	done
	if ! $quick && ! is_root && { [ -z "$suite" ] || [ "$suite" = system ]; }; then
		die "the system tests make namespaces and interfaces: sudo ./dev test (or --quick)"
	fi
	need build demo test bench lint
	rm -rf "$results"
	mkdir -p "$results"
	if [ -n "$suite" ]; then
		test_release --suite "$suite" "$@"
	elif $quick; then
		test_lints
		test_release --no-suite system "$@"
	else
		(configure build --buildtype=release -Dwerror=true) || failed_part release-setup
		test_lints
		test_asan
		test_tsan
		test_release "$@"
	fi
	say "results (reports are in $results)"
	tools/count-tap "$results"/*
}
