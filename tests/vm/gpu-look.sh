#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: what nv-gpu sees, and that a GPU sleeps on while it looks.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/gpu-lib.sh
. ./gpu-lib.sh

# --- asleep

is_asleep()
{
	[[ $(<"$devices/$gpu.0/power/runtime_status") == suspended ]]
}

is_awake()
{
	[[ $(<"$devices/$gpu.0/power/runtime_status") == active ]]
}

# What changes when it wakes.
sleep_of()
{
	grep . "$devices/$gpu.0/power"/{runtime_status,runtime_active_time} "$parameters/resumes"
}

wakes()
{
	local before
	before=$(<"$parameters/resumes")
	"$@" >/dev/null
	(($(<"$parameters/resumes") > before)) && wait_for 10 is_asleep
}

# sleeps_on COMMAND...: whether the command works, and wakes nothing.
sleeps_on()
{
	local before after status=0
	before=$(sleep_of)
	"$@" >/tmp/said 2>/tmp/wrong || status=$?
	after=$(sleep_of)
	if ((status > 1)) || [[ ! -s /tmp/said || $before != "$after" ]]; then
		echo "# exit status $status"
		tail -n 50 /tmp/said /tmp/wrong | sed 's/^/# /'
		diff <(echo "$before") <(echo "$after") | sed 's/^/# /'
		return 1
	fi
}

asleep()
{
	check "the GPU falls asleep" wait_for 30 is_asleep
	check "the kernel has it in D3cold" grep -q D3cold $devices/$gpu.0/power_state
	check "a read of its config space wakes it" wakes cat $devices/$gpu.0/config
	check "and so does opening its node" wakes hold_shortly "$node"
	check "it sleeps on while nv-gpu list looks" sleeps_on nv-gpu list
	check "list says that it sleeps" grep -q '01:00.0.*nvidia.*\(asleep\|suspended\)' /tmp/said
	check "it sleeps on while nv-gpu list --json looks" sleeps_on nv-gpu list --json
	check "it sleeps on while nv-gpu show looks" sleeps_on nv-gpu show
	check "it sleeps on while nv-gpu show 01:00.0 --json looks" sleeps_on nv-gpu show 01:00.0 --json
	check "it sleeps on while nv-gpu ps looks" sleeps_on nv-gpu ps
	check "it sleeps on while nv-gpu awake looks" sleeps_on nv-gpu awake
	check "awake says that it is asleep" says "is asleep (D3cold)" nv-gpu awake 01:00.0
	check "it sleeps on while nv-gpu doctor looks" sleeps_on nv-gpu doctor -v
	check "it sleeps on while nv-gpu record looks" sleeps_on nv-gpu record
	check "it sleeps on while nv-gpu record --anonymous looks" sleeps_on nv-gpu record --anonymous
	check "it sleeps on while nv-gpu bind --dry-run looks" sleeps_on nv-gpu bind 01:00 vfio-pci --dry-run
}

hold_shortly()
{
	holds open "$1" && let_go
}

# --- ps

ps_sees()
{
	says "$1" nv-gpu ps 01:00.0
}

# In namespaces of its own, where the node has another path.
elsewhere()
{
	begin unshare --mount sh -c "mount -t tmpfs none /mnt && mknod /mnt/$2 c 195 0 && exec hold $1 /mnt/$2"
}

# A program, not a function: who runs it by $! gets its own process.
as_user=(setpriv --reuid=1234 --regid=1234 --clear-groups)

processes()
{
	check "a process opens the node" holds open "$node"
	check "ps has a process with the node open" ps_sees "^$holder .*hold .*nvidia0"
	check "ps of its twin has not" does_not_say "$holder" nv-gpu ps 02:00.0
	rm /dev/nvidia0
	check "ps has it when the node is deleted" ps_sees "^$holder .*nvidia0"
	mknod -m 666 /dev/nvidia0 c 195 0
	check "a user learns that there is more" says "could not be inspected" "${as_user[@]}" nv-gpu ps 01:00.0
	check "and does not see it" does_not_say "^$holder " "${as_user[@]}" nv-gpu ps 01:00.0
	let_go
	check "a process maps the node" holds map "$node"
	check "ps has a process that has it mapped alone" ps_sees "^$holder .*nvidia0(map)"
	check "awake says that it is only mapped" says "$node (mapped, no longer open)" nv-gpu awake 01:00.0
	let_go
	check "a process opens a node elsewhere" elsewhere open gpu
	check "ps has a process of another mount namespace" ps_sees "^$holder .*nvidia0"
	let_go
	check "a process maps a node elsewhere" elsewhere map nvidia0
	check "ps has a mapping of another mount namespace" ps_sees "^$holder .*nvidia0(map)"
	let_go
	wait_for 10 is_asleep
	check "a process opens the common node" holds open /dev/nvidiactl
	check "that wakes no GPU" is_asleep
	check "ps says that it is not tied to a GPU" ps_sees "Not tied to one GPU"
	let_go
	check "nobody is left" ps_sees "No process holds it"
}

hidden()
{
	check "a user's process opens the node" begin "${as_user[@]}" hold open "$node"
	check "ps has another user's process" ps_sees "^$holder *1234 .*nvidia0"
	check "the user sees his own" says "^$holder .*nvidia0" "${as_user[@]}" nv-gpu ps 01:00.0
	let_go
	mount -o remount,hidepid=2 /proc
	check "a process opens the node behind hidepid" holds open "$node"
	check "root sees it in spite of hidepid" ps_sees "^$holder .*nvidia0"
	check "a user is told of hidepid" says "hidepid" "${as_user[@]}" nv-gpu ps 01:00.0
	mount -o remount,hidepid=0 /proc
	let_go
}

# A GPU whose driver has fdinfo.
give()
{
	echo "$2" >"$devices/$1/driver_override"
	[[ ! -e $devices/$1/driver ]] || echo "$1" >"$devices/$1/driver/unbind"
	echo "$1" >/sys/bus/pci/drivers_probe
	echo >"$devices/$1/driver_override"
}

card_of()
{
	local path
	path=$(echo "$devices/$1"/drm/card*)
	[[ -e $path ]] && echo "/dev/dri/${path##*/}"
}

counts()
{
	nv-gpu ps 03:00.0 --json | tee /tmp/said | tr -d ' \n' >/tmp/line
	sed 's/^/# /' /tmp/said
	grep -q '"gpu":"0000:03:00.0","engine":"gfx","ns":1500000000' /tmp/line &&
		grep -q '"gpu":"0000:03:00.0","memory":"vram","bytes":3145728' /tmp/line
}

clients()
{
	modprobe drmclients
	give $other.0 drmclients
	udevadm settle --timeout=30
	check "a DRM driver with fdinfo takes a GPU" [ -c "$(card_of $other.0)" ]
	check "a client works on it" holds work 3 "$(card_of $other.0)"
	check "ps adds up what its client has done" counts
	check "ps shows time and memory to people" says "^$holder .*card.* 1.5s *3072K" nv-gpu ps 03:00.0
	let_go
	give $other.0 bochs-drm
}

# --- awake

awake_says()
{
	says "$1" nv-gpu awake 01:00.0
}

reasons()
{
	check "a holder keeps it awake" holds open "$node"
	check "awake says that it is awake" awake_says "is awake"
	check "awake names the holder" grep -q "hold ($holder, root) holds $node" /tmp/said
	echo on >$devices/$gpu.0/power/control
	check "awake tells of power/control" awake_says "power/control of $gpu.0 .* is on"
	echo auto >$devices/$gpu.0/power/control
	let_go
	cp /opt/hold /opt/nvidia-persistenced
	check "a persistence daemon keeps it awake" begin nvidia-persistenced open "$node"
	check "awake names the daemon" awake_says "nvidia-persistenced ($holder) keeps it initialised"
	let_go
	echo 0 >$devices/$gpu.0/d3cold_allowed
	check "awake tells that D3cold is not allowed" awake_says "$gpu.0 may not enter D3cold"
	echo 1 >$devices/$gpu.0/d3cold_allowed
	modprobe nvidia_drm modeset=1
	check "nvidia_drm keeps it awake without a process" wait_for 10 is_awake
	check "awake tells of the kernel's uses" awake_says "uses beyond the holders\|nvidia_drm"
	check "ps has nobody for it" ps_sees "No process holds it"
	rmmod nvidia_drm
	check "it falls asleep without nvidia_drm" wait_for 10 is_asleep
}

watch_said()
{
	grep -q -e "$1" /tmp/watch
}

watch()
{
	nv-gpu awake 01:00.0 --watch >/tmp/watch &
	watcher=$!
	check "the watch begins" wait_for 20 watch_said "$gpu.0 asleep"
	check "somebody wakes it" holds open "$node"
	check "the watch names who woke it" wait_for 20 watch_said "$gpu.0 awake: woken by hold ($holder)"
	let_go
	: >/tmp/watch
	check "the watch tells when it is asleep again" wait_for 20 watch_said "$gpu.0 asleep"
	kill "$watcher"
	wait "$watcher"
	check "it sleeps on after the watch" wait_for 30 is_asleep
}

check "two GPUs pass for NVIDIA's" prepare
asleep
processes
hidden
clients
reasons
watch
exit "$failed"
