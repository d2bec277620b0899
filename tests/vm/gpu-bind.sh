#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: nv-gpu moves GPUs between drivers for real.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/gpu-lib.sh
. ./gpu-lib.sh
host="nvidia snd_hda_intel xhci_hcd -"
guest="vfio-pci vfio-pci vfio-pci vfio-pci"

# Whether a command ends with this status and changes nothing: changes_nothing STATUS COMMAND...
changes_nothing()
{
	local before
	before=$(states "$all")
	ends_with "$@" || return
	diff <(echo "$before") <(states "$all") | sed 's/^/# /'
	[[ $before == "$(states "$all")" ]]
}

is_refused()
{
	changes_nothing 3 nv-gpu bind 01:00 vfio-pci
}

# Whether the answer at hand has a line like WHAT: said WHAT.
said()
{
	grep -q -e "$1" /tmp/said
}

all_as_before()
{
	diff <(echo "$first") <(states "$all") | sed 's/^/# /'
	[[ $(states "$all") == "$first" ]]
}

twin_as_before()
{
	diff <(grep "^$twin" <<<"$first") <(states "$twin")
}

# What the driver says when somebody takes a GPU from it that is in use.
driver_complained()
{
	dmesg | grep -q "Attempting to remove device.*non-zero usage count"
}

driver_never_complained()
{
	! driver_complained
}

# A machine's monitor has the GPU: has_device FUNCTION.
has_device()
{
	holds vfio "/dev/vfio/$(basename "$(readlink "$devices/$1/iommu_group")")" "$1"
}

no_journal()
{
	[[ ! -e /run/nv-gpu/$gpu ]]
}

there_and_back()
{
	check "a dry run changes nothing" changes_nothing 0 nv-gpu bind 01:00 vfio-pci --dry-run
	check "a dry run writes no journal" no_journal
	check "bind gives all functions to vfio-pci" ends_with 0 nv-gpu bind 01:00 vfio-pci
	check "vfio-pci has all functions of the slot" drivers_are $gpu "$guest"
	check "the twin with the same ids is untouched" twin_as_before
	check "a virtual machine can take the GPU" has_device $gpu.0
	check "ps names the virtual machine" says "^$holder .*hold" nv-gpu ps 01:00.0
	check "restore is refused while a virtual machine has it" changes_nothing 3 nv-gpu restore 01:00
	check "the refusal names the virtual machine" said "hold ($holder, root)"
	let_go
	check "a second bind has nothing to do" changes_nothing 0 nv-gpu bind 01:00 vfio-pci
	check "restore takes all functions back" ends_with 0 nv-gpu restore 01:00
	check "everything is as before bind" all_as_before
	check "the journal is gone" no_journal
	check "a second restore has nothing to do" changes_nothing 0 nv-gpu restore 01:00
	make_nodes
	check "the node of the GPU works again" holds open "$node"
	let_go
	check "unbind leaves all functions without a driver" ends_with 0 nv-gpu unbind 01:00
	check "no function has a driver" drivers_are $gpu "- - - -"
	check "restore brings them back from nothing" ends_with 0 nv-gpu restore 01:00
	check "everything is as before unbind" all_as_before
	check "bind moves to vfio-pci again" ends_with 0 nv-gpu bind 01:00 vfio-pci
	check "bind moves back to nvidia" ends_with 0 nv-gpu bind 01:00 nvidia
	check "the host's drivers have it again" drivers_are $gpu "$host"
	check "restore after that sets the rest" ends_with 0 nv-gpu restore 01:00
	check "everything is as before both moves" all_as_before
	check "nothing was taken from the driver in use" driver_never_complained
}

one_function()
{
	check "bind --only moves the audio function" ends_with 0 nv-gpu bind 01:00 vfio-pci --only 1
	check "the others stay" drivers_are $gpu "nvidia vfio-pci xhci_hcd -"
	check "a GPU in use is no obstacle then" holds open "$node"
	check "bind --only moves the USB function" ends_with 0 nv-gpu bind 01:00 vfio-pci --only 01:00.2
	let_go
	check "restore --only brings one back" ends_with 0 nv-gpu restore 01:00 --only 1
	check "the other one stays where it was moved" drivers_are $gpu "nvidia snd_hda_intel vfio-pci -"
	check "restore brings the rest" ends_with 0 nv-gpu restore 01:00
	check "everything is as before --only" all_as_before
}

sound_node()
{
	local path
	path=$(echo $devices/$gpu.1/sound/card*/pcmC*p)
	echo "/dev/snd/${path##*/}"
}

# The console draws on the framebuffer of the bochs, whose driver is told to have one.
console()
{
	echo Y >/sys/module/drm_kms_helper/parameters/fbdev_emulation
	echo "$other.0" >/sys/bus/pci/drivers/bochs-drm/unbind
	echo "$other.0" >/sys/bus/pci/drivers/bochs-drm/bind
	# Consoles are taken over when there is something to write.
	echo hello >/dev/tty1
	# Of "frame buffer device" consoles, one must be bound.
	[[ -d $devices/$other.0/graphics ]] &&
		grep -l "frame buffer" /sys/class/vtconsole/*/name | sed 's/name$/bind/' | xargs grep -q 1
}

holders()
{
	check "a process opens the GPU" holds open "$node"
	check "an open node refuses bind" is_refused
	check "the refusal names the process" said "hold ($holder, root) holds $node"
	let_go
	check "a process maps the GPU" holds map "$node"
	check "a mapping alone refuses bind" is_refused
	check "the refusal names the mapping" said "$node (mapped, no longer open)"
	let_go
	check "a process plays sound" holds open "$(sound_node)"
	check "sound on the audio function refuses bind" is_refused
	check "the refusal names the sound" said "hold ($holder, root) holds /dev/snd/pcm"
	check "unbind is refused too" changes_nothing 3 nv-gpu unbind 01:00
	let_go
	cp /opt/hold /opt/nvidia-persistenced
	check "the persistence daemon holds the GPU" begin nvidia-persistenced open "$node"
	check "the persistence daemon refuses bind" is_refused
	check "the refusal tells how to stop it" said "systemctl stop nvidia-persistenced"
	let_go
	check "the text console draws on a GPU" console
	check "the console refuses bind" changes_nothing 3 nv-gpu bind 03:00 vfio-pci
	check "the refusal names the console" said "text console"
	check "awake names the console" says "text console" nv-gpu awake 03:00.0
	check "a GPU in a group with others is refused" changes_nothing 3 nv-gpu bind 05:01 vfio-pci
	check "the refusal names the group's other member" said "0000:05:02.0 (snd_hda_intel) is in IOMMU group"
	check "nothing was taken from the driver by refusals" driver_never_complained
}

waiting()
{
	check "a process opens the GPU for long" holds open "$node"
	check "bind --wait gives up in the end" changes_nothing 3 nv-gpu bind 01:00 vfio-pci --wait 1
	(sleep 2 && kill "$holder") &
	check "bind --wait goes on when the process ends" ends_with 0 nv-gpu bind 01:00 vfio-pci --wait 60
	wait
	check "vfio-pci has it after the wait" drivers_are $gpu "$guest"
	check "restore after the wait" ends_with 0 nv-gpu restore 01:00
	check "everything is as before the wait" all_as_before
}

# Rule and module as after a reboot: neither driver is loaded as the functions appear.
appear_again()
{
	echo "$twin.0" >/sys/bus/pci/drivers/nvidia/unbind
	rmmod nvidia vfio-pci
	for function in 0 1 2 3; do
		echo 1 >"$devices/$gpu.$function/remove"
	done
	echo 1 >/sys/bus/pci/rescan
	udevadm settle --timeout=60
	[[ -e $devices/$gpu.0 ]]
}

no_rules()
{
	! ls /etc/udev/rules.d/*nv-gpu* /etc/nv-run/bind.d/* 2>/dev/null
}

persistence()
{
	check "bind --persist moves the GPU" ends_with 0 nv-gpu bind 01:00 vfio-pci --persist
	check "there is a rule for udev" ls /etc/udev/rules.d/05-nv-gpu-$gpu.rules
	sed 's/^/# /' /etc/udev/rules.d/*nv-gpu*
	udevadm control --reload
	udevadm trigger --action=add --settle
	check "udev's trigger leaves it where it is" drivers_are $gpu "$guest"
	# What a reboot forgets.
	nv-gpu unbind 01:00
	rm -rf /run/nv-gpu
	check "the functions appear anew" appear_again
	udevadm trigger --action=add --settle
	check "vfio-pci has all functions after a reboot" wait_for 20 drivers_are $gpu "$guest"
	check "the twin goes to nvidia after a reboot" wait_for 20 drivers_are $twin "$host"
	echo auto >$devices/$twin.0/power/control
	check "restore after a reboot" ends_with 0 nv-gpu restore 01:00
	check "the host's drivers have it after restore" drivers_are $gpu "$host"
	check "everything is as before --persist" all_as_before
	check "restore removes the rule" no_rules
	udevadm control --reload
	check "the functions appear without the rule" appear_again
	udevadm trigger --action=add --settle
	check "they go to the host's drivers without it" wait_for 20 drivers_are $gpu "$host"
	may_sleep
	make_nodes
}

# --- who holds the GPU without a process

modeset()
{
	local before
	modprobe nvidia_drm modeset=1
	check "nvidia_drm with modeset refuses bind beside a twin" is_refused
	check "the refusal names nvidia_drm" said "nvidia_drm with modeset=1 keeps the GPU in use"
	rmmod nvidia_drm
	check "the twin can be moved away" ends_with 0 nv-gpu bind 02:00 vfio-pci
	modprobe nvidia_drm modeset=1
	check "bind takes nvidia_drm out first" ends_with 0 nv-gpu bind 01:00 vfio-pci
	check "vfio-pci has the GPU without nvidia_drm" drivers_are $gpu "$guest"
	check "nvidia_drm is not loaded" [ ! -d /sys/module/nvidia_drm ]
	check "restore brings nvidia_drm back" ends_with 0 nv-gpu restore 01:00
	check "nvidia_drm is loaded again" [ -d /sys/module/nvidia_drm ]
	rmmod nvidia_drm
	check "the twin comes back" ends_with 0 nv-gpu restore 02:00
	check "everything is as before nvidia_drm" all_as_before
	check "nothing was taken from the driver in use by nvidia_drm" driver_never_complained
}

# --- somebody comes between the look and the write

# Within the deadlines of all steps: the end comes, and by itself.
late_holder()
{
	ends_with 1 timeout 120 steps --at drivers/nvidia/unbind --run "$late" nv-gpu bind 01:00 vfio-pci
}

# answers COMMAND...: within a minute, whatever it says.
answers()
{
	local status=0
	timeout -k 1 60 "$@" >/tmp/said 2>&1 || status=$?
	sed 's/^/# /' /tmp/said
	((status < 120)) && [[ -s /tmp/said ]]
}

others_as_before()
{
	diff <(grep "^$gpu.[123]" <<<"$first") <(states "$gpu.[123]")
}

stuck()
{
	check "bind ends though the driver never does" late_holder
	check "it says that the write is stuck" said "waits in the kernel"
	check "the driver did complain" driver_complained
	check "the other functions are taken back" drivers_are $gpu "- snd_hda_intel xhci_hcd -"
	check "their settings are as before" others_as_before
	check "the twin is untouched" twin_as_before
	check "a second bind does not get stuck" ends_with 3 timeout 60 nv-gpu bind 01:00 vfio-pci
	check "nor does restore" ends_with 3 timeout 60 nv-gpu restore 01:00
	for command in list show ps awake doctor record; do
		check "nv-gpu $command answers while the driver hangs" answers nv-gpu $command
	done
	check "nv-gpu show of the GPU answers while the driver hangs" answers nv-gpu show 01:00.0
	check "a dry run answers while the driver hangs" answers nv-gpu bind 01:00 vfio-pci --dry-run
	# Whether or not it is moved: the driver counts uses that nobody is seen to have.
	check "bind of the twin answers while the driver hangs" answers nv-gpu bind 02:00 vfio-pci
	check "restore of the twin answers while the driver hangs" answers nv-gpu restore 02:00
	echo Y >$parameters/let_go
	check "when the driver lets go, restore works" wait_for 20 nv-gpu restore 01:00
	check "the host's drivers have all again" drivers_are $gpu "$host"
	check "everything is as before it hung" all_as_before
	kill "$(</tmp/late.pid)"
}

check "two GPUs pass for NVIDIA's" prepare
first=$(states "$all")
echo "${first//#/# }"
check "they have the host's drivers" drivers_are $gpu "$host"
there_and_back
one_function
holders
waiting
modeset
persistence
stuck
exit "$failed"
