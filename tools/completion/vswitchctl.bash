# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Completion of vswitchctl for bash. The candidates come from the program itself (vswitchctl
# __complete), which knows its commands, the keys and their values, and asks the daemon for names.

_vswitchctl() {
	local line=${COMP_LINE:0:COMP_POINT} candidate candidates cur piece
	local -a words

	# bash splits words at '=' and ':' too; split at blanks, as the program will see them
	read -ra words <<<"$line"
	if [[ $line == *[[:blank:]] ]]; then
		words+=("")
	fi
	cur=${words[-1]}
	candidates=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return

	if [[ $candidates == __files__ ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	COMPREPLY=()
	# of a word with '=' or ':' bash replaces what stands behind the last of them
	piece=${cur%"${cur##*[=:]}"}
	while IFS= read -r candidate; do
		if [[ -n $candidate && $candidate == "$cur"* ]]; then
			COMPREPLY+=("${candidate#"$piece"}")
		fi
	done <<<"$candidates"
	# after "key=" comes a value, not a blank
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

complete -F _vswitchctl vswitchctl
