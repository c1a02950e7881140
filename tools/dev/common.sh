# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Shared by the sub-commands of ./dev: messages, packages, build folders.

root=${root:?set by ./dev}

say() {
	printf '\n==> %s\n' "$*"
}

die() {
	printf 'dev: %s\n' "$*" >&2
	exit 1
}

is_root() {
	[ "$(id -u)" = 0 ]
}

# After sudo, what was built belongs to who called, so that ./dev build works without sudo next.
give_back() {
	local folder
	if is_root && [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != 0 ]; then
		for folder in build build-asan build-tsan build-fuzz build-lint; do
			if [ -d "$root/$folder" ]; then
				chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$root/$folder" || true
			fi
		done
	fi
}
trap give_back EXIT

# Packages of the groups, once each.
packages_of() {
	local group
	for group in "$@"; do
		sed -n "s/^$group: *//p" tools/packages.txt
	done | tr ' ' '\n' | sort -u
}

missing_of() {
	local package state
	for package in $(packages_of "$@"); do
		state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$state" = installed ] || printf '%s ' "$package"
	done
}

# One line per package that apt sets up; the whole of apt's output is in build/apt.log.
apt_progress() {
	awk '
		/newly installed/ { total = $1 + $3; print "    " $0 }
		/^Need to get/ { print "    " $0 }
		/^Setting up/ { n++; printf "    [%d/%d] %s %s\n", n, total, $3, $4 }
		/^[EW]:/ { print "    " $0 }
		{ fflush() }'
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o APT::Color=0 \
		-o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1 | tee -a build/apt.log
}

# Packages of daemons start them; nobody asked for a second switch on this host.
without_services() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	"$@"
)

# Make sure that the packages of these groups are there.
need() {
	local missing
	missing=$(missing_of "$@")
	[ -n "$missing" ] || return 0
	if ! is_root; then
		die "missing Debian packages; run once as root:
  apt-get update && apt-get install --no-install-recommends $missing"
	fi
	command -v apt-get >/dev/null || die "this is not Debian; see docs/ for what is needed: $missing"
	mkdir -p build
	say "apt-get update"
	apt update | awk '/^(Get|Hit|Err|E|W):/ { print "    " $0; fflush() }' ||
		die "apt-get update failed; see build/apt.log"
	say "installing for $*: $missing"
	# shellcheck disable=SC2086
	without_services apt install --no-install-recommends $missing | apt_progress ||
		die "installation failed; the end of build/apt.log:
$(tail -15 build/apt.log)"
	missing=$(missing_of "$@")
	[ -z "$missing" ] || die "still not installed: $missing"
}

# configure FOLDER SETUP-ARGS... : unless it is.
configure() {
	local folder=$1
	shift
	if [ ! -f "$folder/build.ninja" ]; then
		say "meson setup $folder $*"
		meson setup "$folder" "$@" || die "meson setup failed; see $folder/meson-logs/meson-log.txt"
	fi
}

# build_tree FOLDER SETUP-ARGS... : configure, then compile all of it.
build_tree() {
	configure "$@"
	say "compiling $1"
	ninja -C "$1"
}

guest_image() {
	say "test guest (tools/guest-image)"
	tools/guest-image
}
