# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What scripts in the guest share: . "$VM_LIB"
export DISPLAY=:0
# For scripts to end with.
# shellcheck disable=SC2034
failed=0

# Prints "ok - WHAT" or "not ok - WHAT" by whether a command succeeds: check WHAT COMMAND...
check()
{
	local what=$1
	shift
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		# shellcheck disable=SC2034
		failed=1
	fi
}

# Waits until a command succeeds, at most some seconds: wait_for SECONDS COMMAND...
wait_for()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep .2
	done
}

# The driver of a PCI function, or nothing.
driver_of()
{
	local driver
	driver=$(readlink "/sys/bus/pci/devices/$1/driver") && basename "$driver"
}

# "SLOT DRIVER" of each DRM device with a screen, by slot: cards are numbered anew at each boot.
drm_devices()
{
	local card slot
	for card in /sys/class/drm/card?; do
		slot=$(basename "$(readlink -f "$card/device/")")
		# A virtio GPU is a device of its own below the PCI function.
		[[ $slot == virtio* ]] && slot=$(basename "$(readlink -f "$card/device/..")")
		echo "$slot $(driver_of "$slot")"
	done | sort
}

# Starts Xorg on the first GPU with the second as a GPU screen, and waits for it:
# start_xorg [CONFIG [ARG...]]. Sets xorg to its process.
start_xorg()
{
	local config=${1:-/mnt/control/xorg.conf}
	(($#)) && shift
	# llvmpipe's own threads draw after the server has flushed.
	LP_NUM_THREADS=0 Xorg :0 vt1 -config "$config" -noreset -nolisten tcp \
		-logfile /mnt/share/Xorg.0.log "$@" >/dev/null 2>&1 &
	xorg=$!
	wait_for 60 x_answers
}

x_answers()
{
	xset q >/dev/null 2>&1
}

stop_xorg()
{
	kill "$xorg" && wait "$xorg"
}

# "NAME connected|disconnected lit|dark" of each output.
outputs()
{
	xrandr | awk '/ (dis)?connected/ { print $1, $2, ($3 ~ /^[0-9]/ || $3 == "primary") ? "lit" : "dark" }'
}

# Is the last pixel a GPU shows of this colour, to the five bits a channel that some have? Leaves
# the screen as GPU.ppm: shows gpu1 RED GREEN BLUE
shows()
{
	local pixel
	vmmon screendump "$1.ppm" "$1"
	read -ra pixel < <(tail -c 3 "$1.ppm" | od -An -tu1)
	((pixel[0] / 8 == $2 / 8 && pixel[1] / 8 == $3 / 8 && pixel[2] / 8 == $4 / 8))
}
