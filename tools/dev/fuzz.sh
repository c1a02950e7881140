# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# ./dev fuzz: libFuzzer targets are the executables named fuzz_*; a seed corpus may be in
# tests/fuzz/corpus/<target>. What they find grows in build-fuzz/corpus.

fuzz_targets() {
	find build-fuzz -type f -name 'fuzz_*' -perm -u+x ! -name '*.so' 2>/dev/null | sort
}

# fuzz_one FILE SECONDS: 0 if nothing was found. Its verdict is left in build-fuzz/NAME.verdict.
fuzz_one() {
	local target=$1 seconds=$2 verdict=0 name corpus
	name=$(basename "$target")
	corpus=build-fuzz/corpus/$name
	mkdir -p "$corpus"
	local seeds=()
	[ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "$target" -max_total_time="$seconds" \
		-timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/$name-" "$corpus" "${seeds[@]}" \
		>"build-fuzz/$name.log" 2>&1 || verdict=$?
	echo "$verdict" >"build-fuzz/$name.verdict"
}

# fuzz_report NUMBER FILE TAP: what one has found; 0 if nothing.
fuzz_report() {
	local number=$1 name tap=$3
	name=$(basename "$2")
	if [ "$(cat "build-fuzz/$name.verdict" 2>/dev/null)" = 0 ]; then
		say "$name: nothing found"
		grep -E 'stat::(number_of_executed_units|average_exec_per_sec)' "build-fuzz/$name.log" || true
		echo "ok $number - fuzz $name" >>"$tap"
		return 0
	fi
	say "$name: failed"
	tail -30 "build-fuzz/$name.log"
	echo "not ok $number - fuzz $name" >>"$tap"
	return 1
}

# The targets, by the names of ninja.
fuzz_programs() {
	ninja -C build-fuzz -t targets all | sed -n 's/^\([^ :]*fuzz_[a-z_]*\): .*LINKER.*/\1/p'
}

dev_fuzz() {
	local seconds=60 tap='' number=0 failed=0 target name wanted=() programs
	while [ $# -gt 0 ]; do
		case "$1" in
		--seconds)
			seconds=$2
			shift 2
			;;
		--tap)
			tap=$2
			shift 2
			;;
		-*) die "fuzz: unknown option $1" ;;
		*)
			wanted+=("$1")
			shift
			;;
		esac
	done
	need build fuzz
	CC=clang configure build-fuzz -Dfuzz=true -Db_lundef=false --buildtype=debugoptimized
	programs=$(fuzz_programs)
	say "compiling build-fuzz"
	# shellcheck disable=SC2086
	ninja -C build-fuzz $programs
	local targets=()
	for target in $(fuzz_targets); do
		name=$(basename "$target")
		if [ ${#wanted[@]} = 0 ] || printf '%s\n' "${wanted[@]}" | grep -qx "$name"; then
			targets+=("$target")
		fi
	done
	[ ${#targets[@]} -gt 0 ] || die "no fuzz target was built"
	tap=${tap:-build-fuzz/fuzz.tap}
	mkdir -p "$(dirname "$tap")"
	echo "1..${#targets[@]}" >"$tap"
	say "$(nproc) at once, $seconds s each: $(basename -a "${targets[@]}" | tr '\n' ' ')"
	for target in "${targets[@]}"; do
		rm -f "build-fuzz/$(basename "$target").verdict"
		[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n || true
		fuzz_one "$target" "$seconds" &
	done
	wait
	for target in "${targets[@]}"; do
		number=$((number + 1))
		fuzz_report "$number" "$target" "$tap" || failed=$((failed + 1))
	done
	[ "$failed" = 0 ] || die "$failed of $number fuzz targets failed"
}
