#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: what session-tests.py claims of nv-session on two GPUs of the modesetting driver.
# What check is given is called after all.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/lib.sh
. "$VM_LIB"
export XDG_RUNTIME_DIR=/run/user/0
mkdir -p "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
PATH=$PWD/bin:$PATH
ulimit -c 0

# A Cirrus has no vertical blanks: with synchronization it shows nothing.
printf '[session]\nmode = reverse-sync\nprime-sync = no\n' >/tmp/session.conf
printf '[session]\nmode = reverse-sync\nprime-sync = yes\n' >/tmp/sync.conf

# With a configuration; says what was said, which says() looks through.
setup()
{
	nv-session setup -v --config "$1" >said 2>&1
	local status=$?
	cat said
	return "$status"
}

# Does some JSON of nv-session hold? json COMMAND EXPRESSION, in which d is the document.
json()
{
	nv-session "$1" --json >json.out
	python3 - "$2" <<-'END'
		import json, sys
		d = json.load(open("json.out"))
		outputs = {one["name"]: one for one in d["outputs"]}
		by_slot = {one["slot"]: one for one in d["providers"]}
		first, second = by_slot["0000:00:02.0"], by_slot["0000:01:00.0"]
		sys.exit(not eval("(" + sys.argv[1] + ")"))
	END
}

says()
{
	grep -q -- "$1" said
}

# Paints the X screen and looks whether a GPU, or each of several, shows it: paint COLOUR GPU...
paint()
{
	local colour=$1 gpu
	shift
	xsetroot -solid "$colour"
	for gpu in "$@"; do
		wait_for 20 shows "$gpu" "0x${colour:1:2}" "0x${colour:3:2}" "0x${colour:5:2}" || return 1
	done
}

lit()
{
	outputs | grep -qx "$1 connected lit"
}

dark()
{
	! lit "$1"
}

plan_says()
{
	nv-session plan --mode reverse-sync | tee said | grep -q -- '--setprovideroutputsource' &&
		says '--output VGA-1-1 .*--right-of Virtual-1\|--output VGA-1-1 --mode .*--pos 1280x0'
}

set_up()
{
	local before
	check "both providers called modesetting are told apart by their connectors" json providers '
		first["name"] == second["name"] == "modesetting" and first["slot-sure"] and second["slot-sure"]
		and first["drives"] == "x-screen" and second["drives"] == "gpu-screen"'
	check "an output of a GPU that is not linked is known and cannot be used yet" json providers '
		outputs["VGA-1-1"]["connected"] and not outputs["VGA-1-1"]["usable"]'
	check "plan tells the commands" plan_says
	check "and does nothing" dark VGA-1-1
	check "setup lights the output of the second GPU" setup /tmp/session.conf
	check "in one mode set" test "$(grep -c -- '--mode' said)" = 1
	check "both GPUs show what is painted" paint '#2060c0' gpu0 gpu1
	check "status tells what is in force and which GPU scans out what" json status '
		d["mode"] == "reverse-sync" and second["output-source"] == first["id"]
		and outputs["Virtual-1"]["slot"] == "0000:00:02.0" and outputs["Virtual-1"]["x"] == 0
		and outputs["VGA-1-1"]["slot"] == "0000:01:00.0" and outputs["VGA-1-1"]["x"] == 1280'
	before=$(xrandr --verbose)
	check "a second setup finds nothing to do" setup /tmp/session.conf
	check "and says so" says 'nothing to do'
	check "and changes nothing" test "$(xrandr --verbose)" = "$before"
	check "synchronization can be turned on while the output is lit" setup /tmp/sync.conf
	check "and is on" json status 'outputs["VGA-1-1"]["prime-sync"]'
	check "and off again" setup /tmp/session.conf
	check "which is what the server does then" json status 'outputs["VGA-1-1"]["prime-sync"] is False'
	check "and both GPUs show what is painted then" paint '#20c060' gpu0 gpu1
	check "reset succeeds" nv-session reset -v
	check "reset leaves the second GPU dark and unlinked" json providers '
		second["output-source"] is None and not outputs["VGA-1-1"]["lit"] and outputs["Virtual-1"]["lit"]'
	check "the X screen has its size of before" test "$(xdpyinfo | awk '/dimensions/ { print $2 }')" = 1280x800
	check "and the first GPU shows what is painted" paint '#c06020' gpu0
	nv-session setup --mode sync >said 2>&1
	check "sync is refused where NVIDIA does not draw" says 'sync cannot be'
}

nv_run_is_ignorant()
{
	nv-session status | grep -q 'nv-run knows nothing of this X server'
}

session_file()
{
	rm -f "$XDG_RUNTIME_DIR"/nv-run/session.*
	check "status tells that nv-run has no session file" nv_run_is_ignorant
	# It gives the server a tenth of a second, which an emulated one may need more than once.
	check "publish writes the session file" wait_for 20 nv-session publish
	check "with each provider at its slot" \
		test "$(grep -E '^(screen|gpu) ' "$XDG_RUNTIME_DIR/nv-run/session.:0" | xargs)" = \
		"screen 0000:00:02.0 modesetting gpu 0000:01:00.0 modesetting"
	# By nv-run's own reader; nv-run itself reads it for an NVIDIA GPU only, and there is none.
	check "which is one that nv-run can use" test -z "$(nv_run_is_ignorant && echo it cannot)"
	nv-run -g 00:02.0 -n --json glxinfo >run.json
	cat run.json
	check "nv-run finds the GPU of the X screen" grep -q '"slot": "0000:00:02.0"' run.json
}

bound_by_server()
{
	sed 's/"AutoBindGPU" "false"/"AutoBindGPU" "true"/' /mnt/control/xorg.conf >/tmp/bind.conf
	check "Xorg starts with AutoBindGPU" start_xorg /tmp/bind.conf
	check "the server has linked the second GPU itself" json providers 'second["output-source"] == first["id"]'
	check "setup lights what the server has linked" setup /tmp/session.conf
	check "without linking it again" test -z "$(grep setprovideroutputsource said)"
	check "and both GPUs show it" paint '#6020c0' gpu0 gpu1
	nv-session reset
	check "reset keeps the server's own link" json providers '
		second["output-source"] == first["id"] and not outputs["VGA-1-1"]["lit"]'
}

watch_knows()
{
	grep -q '^gpu 0000:02:00.0 modesetting' "$XDG_RUNTIME_DIR/nv-run/session.:0"
}

ended()
{
	! kill -0 "$1" 2>/dev/null
}

watched()
{
	local watch
	nv-session watch -v --config /tmp/session.conf >watch.log 2>&1 &
	watch=$!
	check "watch sets the mode up" wait_for 30 lit VGA-1-1
	check "two of them there are not" test "$(nv-session watch 2>&1 | grep -c 'is watched already')" = 1
	vmmon device_add bochs-display,id=gpu2,bus=hp0
	check "watch writes down a GPU that is plugged in" wait_for 60 watch_knows
	check "watch goes on" kill -0 "$watch"
	check "three providers called modesetting are told apart" json providers '
		len(by_slot) == 3 and all(one["slot-sure"] for one in d["providers"])'
	check "and the picture is right on both GPUs that can show it" paint '#c02060' gpu0 gpu1
	# With the third GPU Xorg does not end in order; nor would it survive that the GPU is taken out.
	stop_xorg
	check "watch ends with the server" wait_for 20 ended "$watch"
	cat watch.log
}

refused()
{
	check "Xorg starts on two GPUs" start_xorg
	setup /tmp/session.conf
	check "setup fails" test $? = 1
	check "and says why" says "$1"
	# The kernel numbers connectors as it finds the GPUs: the first one may have Virtual-2.
	check "the second GPU is as it was" json providers '
		second["output-source"] is None
		and [name for name in outputs if outputs[name]["lit"]] == first["outputs"]'
	check "the picture of the first GPU is right" paint '#2060c0' gpu0
	exit "$failed"
}

(($# == 0)) || refused "$1"
check "Xorg starts on two GPUs" start_xorg
set_up
session_file
check "Xorg ends in order" stop_xorg
bound_by_server
watched
exit "$failed"
