#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: what nv-gpu tells of GPUs that really sleep and are really held, and that looking
# wakes none. What check is given is called after all.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/lib.sh
. "$VM_LIB"
# shellcheck source=tests/vm/gpu.sh
. ./gpu.sh

resumes()
{
	cat /sys/module/nvidia/parameters/resumes
}

# Every command that looks, and the card was not woken by any.
none_wakes()
{
	local command before slept
	before=$(resumes)
	slept=$(cat "$devices/$card.0/power/runtime_active_time")
	for command in list "list --json" show "show --json" ps "ps --json" awake "awake --json" \
		doctor "doctor -v" "doctor --json" record "record --anonymous" \
		"bind $card vfio-pci --dry-run"; do
		# Words on purpose.
		# shellcheck disable=SC2086
		./nv-gpu $command >/dev/null 2>&1
		is_asleep $card || {
			echo "$command woke it"
			return 1
		}
	done
	[[ $(resumes) == "$before" && $(cat "$devices/$card.0/power/runtime_active_time") == "$slept" ]]
}

ps_shows()
{
	./nv-gpu ps "$card" >said 2>&1
	says "$1"
}

ps_shows_not()
{
	./nv-gpu ps "$card" >said 2>&1
	! grep -qF -- "$1" said
}

awake_says()
{
	./nv-gpu awake "$card" >said 2>&1
	says "$1"
}

load_nvidia
check "bind gives the card to nvidia" gives 0 ./nv-gpu bind $card nvidia
check "its other functions keep their drivers" have $card "nvidia snd_hda_intel xhci_hcd"
check "the identical card keeps its driver" have $twin "cirrus snd_hda_intel xhci_hcd"
check "the card falls asleep" let_sleep $card
check "list says so" gives 0 ./nv-gpu list
check "in its line" says suspended
check "no command that looks wakes it" none_wakes

# --- holders
hold /dev/nvidia0
check "a process that opens its node wakes it" is_awake $card
check "ps names the process" ps_shows "$holder"
check "and the node" ps_shows nvidia0
check "awake names it too" awake_says "sleep ($holder, root) holds /dev/nvidia0"
check "of the other card, ps has nothing" gives 0 ./nv-gpu ps $twin
check "and says so" says "No process holds"
let_go
check "it falls asleep again" wait_for 10 is_asleep $card
check "and ps says that none holds it" ps_shows "No process holds"

mkdir -p /tmp/nodes
mknod /tmp/nodes/other c 195 0
hold /tmp/nodes/other
rm /tmp/nodes/other
check "a node of another name, deleted, is found by its number" ps_shows "$holder"
let_go

unshare -m bash -c 'mount -t tmpfs nodes /mnt && mknod /mnt/gpu c 195 0 && exec sleep 300 </mnt/gpu' &
holder=$!
check "a node in another mount namespace is found" wait_for 10 ps_shows "$holder"
let_go

python3 -c '
import mmap, os, time
node = os.open("/dev/nvidia0", os.O_RDWR)
memory = mmap.mmap(node, 4096, mmap.MAP_SHARED)
os.closerange(3, 64)
time.sleep(300)' &
holder=$!
wait_for 10 ps_shows "$holder"
check "memory that is mapped keeps it awake when the node is closed" awake_says "mapped, no longer open"
check "and the kernel does keep it awake for that" is_awake $card
let_go

hold /dev/nvidiactl
check "the control node wakes no card" wait_for 10 is_asleep $card
let_go

# --- what other users see
hold /dev/nvidia0
setpriv --reuid=65534 --regid=65534 --clear-groups ./nv-gpu ps $card >said 2>&1
check "another user is told how many processes could not be inspected" says "could not be inspected"
mount -o remount,hidepid=2 /proc
setpriv --reuid=65534 --regid=65534 --clear-groups ./nv-gpu ps $card >said 2>&1
check "and that proc hides some" says hidepid
mount -o remount,hidepid=0 /proc
let_go

# --- awake: what a driver has without a process, sound, and who woke it
wait_for 10 is_asleep $card
modprobe nvidia_drm
wait_for 10 is_awake $card
check "nvidia-drm with modeset keeps it awake without a process" awake_says "nvidia"
check "and ps has none for it" ps_shows "No process holds"
# modprobe -r would take nvidia too, which nothing else needs.
rmmod nvidia_drm
check "without nvidia-drm it sleeps again" wait_for 10 is_asleep $card
check "power/control=on of the audio function is told" awake_says "$card.1"
./nv-gpu awake $card --watch >watched 2>&1 &
watcher=$!
sleep 1
hold /dev/nvidia0
woke()
{
	grep -q "$holder" watched
}
check "awake --watch names the process that woke it" wait_for 10 woke
let_go
kill $watcher
wait $watcher
check "and ends well" test $? = 0
cat watched

# --- fdinfo of a DRM driver
modprobe test_fdinfo
check "another driver takes the identical card" gives 0 ./nv-gpu bind $twin test_fdinfo
udevadm settle --timeout=30
node=$(echo $devices/$twin.0/drm/renderD*)
hold "/dev/dri/$(basename "$node")"
./nv-gpu ps $twin >said 2>&1
check "ps shows the memory of a DRM client" says 2048K
./nv-gpu ps $twin --json >said 2>&1
check "and the name of its engine" says render
check "a process that shares the client is counted once" says "$holder"
let_go
check "restore brings the driver back" gives 0 ./nv-gpu restore $twin
check "to all functions" have $twin "cirrus snd_hda_intel xhci_hcd"
exit $failed
