#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: nv-gpu is killed before each of its steps, and restore brings everything back.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/gpu-lib.sh
. ./gpu-lib.sh

# Whether restore brings all functions back, and leaves nothing behind.
comes_back()
{
	local status=0
	timeout 60 nv-gpu restore 01:00 >/tmp/restored 2>&1 || status=$?
	if ((status)) || [[ $(states "$all") != "$first" ]] || [[ -e /run/nv-gpu/$gpu ]] ||
		ls /etc/udev/rules.d/*nv-gpu* /etc/nv-run/bind.d/* >/dev/null 2>&1; then
		sed 's/^/# /' /tmp/restored
		echo "# exit status $status"
		diff <(echo "$first") <(states "$all") | sed 's/^/# /'
		find /run/nv-gpu /etc/udev/rules.d /etc/nv-run/bind.d 2>&1 | sed 's/^/# /'
		sed 's/^/# /' "/run/nv-gpu/$gpu" 2>/dev/null
		return 1
	fi
}

nothing()
{
	:
}

# Kills a command before each step from a first one until it is through:
# killed_at_each_step BEFORE FIRST LEAST COMMAND...; BEFORE brings about what the command needs,
# LEAST is how many steps there must have been.
killed_at_each_step()
{
	local before=$1 number=$2 least=$3 failures=0 status
	shift 3
	for (( ; ; number++)); do
		$before
		status=0
		steps --kill "$number" "$@" >/tmp/said 2>/tmp/steps || status=$?
		((status == 137)) || break
		if comes_back; then
			echo "# $SECONDS s: killed at $(tail -n 1 /tmp/steps)"
		else
			echo "# NOT BACK after it was killed at $(tail -n 1 /tmp/steps)"
			((failures++))
			nv-gpu restore 01:00 >/dev/null 2>&1
		fi
	done
	# That one was through.
	tail -n 3 /tmp/said /tmp/steps | sed 's/^/# /'
	comes_back && ((status == 0 && failures == 0 && number > least))
}

moved()
{
	nv-gpu bind 01:00 vfio-pci >/dev/null
}

# The number of a command's first step with WORD in its line: first_step WORD COMMAND...
first_step()
{
	local word=$1
	shift
	steps "$@" 2>&1 >/dev/null | sed -n "s,^step \([0-9]*\): .*$word.*,\1,p" | head -n 1
}

persisted()
{
	nv-gpu bind 01:00 vfio-pci --persist >/dev/null
}

# --- killed while its child is stuck in the kernel

is_stuck()
{
	dmesg | grep -q "Attempting to remove device"
}

stuck()
{
	steps --at drivers/nvidia/unbind --run "$late" nv-gpu bind 01:00 vfio-pci >/tmp/said 2>&1 &
	tracer=$!
	check "a write gets stuck in the kernel" wait_for 60 is_stuck
	# The oldest process of that name is the one that was started; its child is stuck.
	kill -KILL "$(pgrep -o -x nv-gpu)"
	wait "$tracer"
	check "restore ends while the write is stuck" ends_with 3 timeout 60 nv-gpu restore 01:00
	check "bind ends while the write is stuck" ends_with 3 timeout 60 nv-gpu bind 01:00 vfio-pci
	echo Y >$parameters/let_go
	check "restore works when the write has ended" wait_for 20 comes_back
	kill "$(</tmp/late.pid)"
}

check "two GPUs pass for NVIDIA's" prepare
modprobe vfio-pci
first=$(states "$all")
# Nobody needs the nodes; udev's work at each coming and going would take most of the time.
udevadm control --stop-exec-queue
check "killed at each step of bind, it comes back" \
	killed_at_each_step nothing 1 20 nv-gpu bind 01:00 vfio-pci
check "killed at each step of restore, it comes back" \
	killed_at_each_step moved 1 20 nv-gpu restore 01:00
# What comes before these steps was killed above.
rule=$(first_step /etc/ nv-gpu bind 01:00 vfio-pci --persist)
no_rule=$(first_step "unlink 05-" nv-gpu restore 01:00)
check "killed at each step of --persist, it comes back" \
	killed_at_each_step nothing "$rule" 20 nv-gpu bind 01:00 vfio-pci --persist
check "killed at each step of the way back from --persist, it comes back" \
	killed_at_each_step persisted "$no_rule" 20 nv-gpu restore 01:00
udevadm control --start-exec-queue
stuck
exit "$failed"
