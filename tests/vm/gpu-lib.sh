# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts about nv-gpu share. The guest has, beside the first GPU:
#
#   01:00  a GPU that passes for NVIDIA's, with audio, USB, and a function without a driver
#   02:00  its twin: the same ids
#   03:00  a bochs, which is a DRM device, with audio and USB
#   05:01  a bochs behind a PCI bridge, in one IOMMU group with the audio of slot 05:02
# shellcheck source=tests/vm/lib.sh
. "$VM_LIB"
gpu=0000:01:00
twin=0000:02:00
# shellcheck disable=SC2034
other=0000:03:00
# shellcheck disable=SC2034
all='0000:0[1-5]:'
devices=/sys/bus/pci/devices
# shellcheck disable=SC2034
parameters=/sys/module/nvidia/parameters
export PATH=$PATH:/opt

# Programs on the guest's own disk, the module nvidia with two GPUs that may sleep, their nodes.
prepare()
{
	install -m 755 -t /opt nv-gpu hold steps
	modprobe disguise functions=$gpu.0,$twin.0 && modprobe nvidia || return
	make_nodes
	may_sleep
}

# As udev rules for these GPUs have it; a function without power states is not allowed D3cold.
may_sleep()
{
	echo auto | tee $devices/$gpu.?/power/control >$devices/$twin.0/power/control
	echo 1 | tee $devices/$gpu.?/d3cold_allowed >$devices/$twin.0/d3cold_allowed
}

# As nvidia-modprobe does: a node for each GPU and the common one. Sets node to that of the GPU,
# whose number is another one each time that drivers are loaded.
make_nodes()
{
	rm -f /dev/nvidia*
	mknod -m 666 /dev/nvidiactl c 195 255
	mknod -m 666 /dev/nvidia0 c 195 0
	mknod -m 666 /dev/nvidia1 c 195 1
	export node
	node=/dev/nvidia$(sed -n 's/^Device Minor:[ \t]*//p' /proc/driver/nvidia/gpus/$gpu.0/information)
}

# Sets driver to the driver of a PCI function, "-" for none. Without a process: it is called often.
find_driver()
{
	local here=$PWD
	driver=-
	if cd -P "$devices/$1/driver" 2>/dev/null; then
		driver=${PWD##*/}
		cd "$here" || return
	fi
}

# "SLOT DRIVER OVERRIDE CONTROL" of each function of the slots that match. The kernel does not answer
# about driver_override of a function while its driver's remove waits.
states()
{
	local path driver
	# A pattern on purpose.
	# shellcheck disable=SC2231
	for path in $devices/$1*; do
		find_driver "${path##*/}"
		echo "${path##*/} $driver $(<"$path/driver_override") $(<"$path/power/control")"
	done
}

# The drivers of a slot's functions.
drivers()
{
	local path driver all=
	for path in "$devices/$1".?; do
		find_driver "${path##*/}"
		all+="${all:+ }$driver"
	done
	echo "$all"
}

# drivers_are SLOT "DRIVER DRIVER..."
drivers_are()
{
	local now
	now=$(drivers "$1")
	echo "# $1: $now"
	[[ $now == "$2" ]]
}

# Holds nodes as told, see hold.c, until let_go: holds open /dev/nvidia0. Sets holder.
holds()
{
	begin hold "$@"
}

# The same by a command of one's own that ends in hold.
begin()
{
	rm -f /tmp/held
	mkfifo /tmp/held
	"$@" >/tmp/held &
	holder=$!
	# A holder that fails closes it.
	[[ $(head -n 1 /tmp/held) == held ]]
}

let_go()
{
	kill "$holder"
	wait "$holder" 2>/dev/null
	true
}

# says WHAT COMMAND...: whether a command's answer has a line like WHAT. It stays in /tmp/said.
says()
{
	local what=$1
	shift
	"$@" >/tmp/said 2>&1
	sed 's/^/# /' /tmp/said
	grep -q -e "$what" /tmp/said
}

# And whether it has none.
does_not_say()
{
	! says "$@"
}

# ends_with STATUS COMMAND...
ends_with()
{
	local wanted=$1 status=0
	shift
	"$@" >/tmp/said 2>&1 || status=$?
	sed 's/^/# /' /tmp/said
	echo "# exit status $status"
	((status == wanted))
}

# For steps --run: somebody opens the GPU and keeps it.
# shellcheck disable=SC2016,SC2034
late='hold open $node >/tmp/late & echo $! >/tmp/late.pid; until [ -s /tmp/late ]; do sleep .1; done'
