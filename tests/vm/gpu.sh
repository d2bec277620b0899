# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What scripts about nv-gpu share, after lib.sh: two identical cards, each with audio and USB.
card=0000:01:00
twin=0000:02:00
devices=/sys/bus/pci/devices

drivers_of()
{
	local function
	for function in "$devices/$1".*; do
		driver_of "$(basename "$function")" || echo none
	done | xargs
}

# have SLOT DRIVERS: those of its functions, in order.
have()
{
	local got
	got=$(drivers_of "$1")
	[[ $got == "$2" ]] || {
		echo "$1 has: $got"
		return 1
	}
}

# gives STATUS COMMAND...: ends with it. What it says is in the file said.
gives()
{
	local wanted=$1 status=0
	shift
	"$@" >said 2>&1 || status=$?
	[[ $status == "$wanted" ]] || {
		echo "status $status:"
		cat said
		return 1
	}
}

# Whether the last gives said this.
says()
{
	grep -qF -- "$1" said || {
		cat said
		return 1
	}
}

# The driver that looks like NVIDIA's, with its nodes as nvidia-modprobe makes them.
load_nvidia()
{
	local minor
	modprobe nvidia
	mknod /dev/nvidiactl c 195 255
	for minor in 0 1; do
		mknod "/dev/nvidia$minor" c 195 "$minor"
	done
}

status_of()
{
	cat "$devices/$1.0/power/runtime_status"
}

is_asleep()
{
	[[ $(status_of "$1") == suspended ]]
}

is_awake()
{
	[[ $(status_of "$1") == active ]]
}

# Lets the display function of a slot sleep, and waits until it does.
let_sleep()
{
	echo auto >"$devices/$1.0/power/control"
	wait_for 10 is_asleep "$1"
}

# Starts a process that has a file open: holder is its number.
hold()
{
	sleep 300 <"$1" >/dev/null 2>&1 &
	holder=$!
	sleep .2
}

let_go()
{
	kill "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	return 0
}
