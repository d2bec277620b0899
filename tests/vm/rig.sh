#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: what rig-tests.py claims of it. Leaves screendumps in the share.
# What check is given is called after all.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/lib.sh
. "$VM_LIB"
gpu=0000:01:00
devices=/sys/bus/pci/devices

drm_is()
{
	drm_devices
	[[ $(drm_devices) == "$1" ]]
}

# --- reverse PRIME

count_outputs()
{
	outputs
	[[ $(outputs | wc -l) == "$1" ]]
}

output_is()
{
	outputs | grep -qx "$output $1"
}

two_crtcs()
{
	[[ $(cat /sys/kernel/debug/dri/?/state | grep -c active=1) == 2 ]]
}

prime()
{
	check "Xorg starts on two GPUs" start_xorg
	check "an unbound GPU has no outputs" count_outputs 1
	check "xrandr makes the first GPU the source of the second" xrandr --setprovideroutputsource 1 0
	xrandr --listproviders
	check "a bound GPU has an output" count_outputs 2
	output=$(outputs | awk 'END { print $1 }')
	# Without vertical blanks on the sink, as on a Cirrus, synchronized PRIME shows nothing.
	xrandr --output "$output" --set "PRIME Synchronization" 0
	xrandr --auto
	xrandr --output "$output" --mode 1024x768 --right-of Virtual-1
	check "the output of the second GPU can be lit" output_is "connected lit"
	check "the kernel drives a CRTC on each GPU" two_crtcs
	xsetroot -solid '#2060c0'
	# What was drawn is copied to the sink by a timer of the server.
	wait_for 20 shows gpu0 0x20 0x60 0xc0
	wait_for 20 shows gpu1 0x20 0x60 0xc0
	xrandr --output "$output" --off
	check "the output can be turned off" output_is "connected dark"
	xrandr --setprovideroutputsource 1 0x0
	check "and the GPU unbound" count_outputs 1
	check "Xorg ends in order" stop_xorg
}

# --- vfio

show_functions()
{
	local function
	for function in "${functions[@]}"; do
		echo "$function $(cat "$devices/$function/class") $(driver_of "$function")"
	done
}

one_group()
{
	[[ $(ls "$devices/${functions[0]}/iommu_group/devices") == *"$(printf '%s\n' "${functions[@]}")" ]]
}

# Gives a function to a driver, or to the one that is its own: give FUNCTION [DRIVER].
give()
{
	echo "${2-}" >"$devices/$1/driver_override"
	[[ ! -e $devices/$1/driver ]] || echo "$1" >"$devices/$1/driver/unbind"
	echo "$1" >/sys/bus/pci/drivers_probe
}

drivers()
{
	local function
	for function in "${functions[@]}"; do
		driver_of "$function"
	done | xargs
}

drivers_are()
{
	show_functions
	[[ $(drivers) == "$1" ]]
}

# A process can take the group as QEMU would: VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU of type 1,
# VFIO_GROUP_GET_DEVICE_FD.
take_device()
{
	python3 - "$@" <<-'END'
		import fcntl, os, struct, sys
		container = os.open("/dev/vfio/vfio", os.O_RDWR)
		group = os.open("/dev/vfio/" + sys.argv[1], os.O_RDWR)
		request = lambda number: ord(";") << 8 | 100 + number
		fcntl.ioctl(group, request(4), struct.pack("i", container))
		fcntl.ioctl(container, request(2), 1)
		fcntl.ioctl(group, request(6), sys.argv[2].encode() + b"\0")
	END
}

vfio()
{
	local function group before
	functions=()
	for function in "$devices/$gpu".*; do
		functions+=("$(basename "$function")")
	done
	check "the slot of the second GPU has a GPU, audio and USB" \
		drivers_are "cirrus snd_hda_intel xhci_hcd"
	group=$(basename "$(readlink "$devices/$gpu.0/iommu_group")")
	check "its functions are in one IOMMU group" one_group
	before=$(drivers)
	modprobe vfio-pci
	for function in "${functions[@]}"; do
		give "$function" vfio-pci
	done
	check "vfio-pci takes all three functions" drivers_are "vfio-pci vfio-pci vfio-pci"
	check "the GPU is no DRM device then" drm_is "0000:00:02.0 virtio-pci"
	check "a process can take the GPU from vfio" take_device "$group" "$gpu.0"
	for function in "${functions[@]}"; do
		give "$function"
	done
	udevadm settle --timeout=30
	check "the functions go back to their drivers" drivers_are "$before"
	check "the GPU is a DRM device again" wait_for 10 drm_is "$both"
}

both="0000:00:02.0 virtio-pci
$gpu.0 cirrus"
check "two GPUs are DRM devices at their slots" drm_is "$both"
prime
vfio
echo "arguments: $*"
echo "failed: $failed" >&2
exit 7
