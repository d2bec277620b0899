#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: nv-session on two real DRM GPUs, as session-tests.py claims. Leaves screendumps.
# shellcheck disable=SC2317
# shellcheck source=tests/vm/lib.sh
. "$VM_LIB"
export XDG_RUNTIME_DIR=/run/user/0
mkdir -p "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
# Without vertical blanks on the sink, as on a Cirrus, synchronized PRIME shows nothing.
printf '[session]\nmode = reverse-sync\nprime-sync = no\n' >session.conf
chmod 644 session.conf
session()
{
	./nv-session "$@" --config=session.conf
}

says()
{
	local what=$1
	shift
	"$@" >said 2>&1
	cat said
	grep -q -e "$what" said
}

file_has_slots()
{
	cat "$XDG_RUNTIME_DIR/nv-run/session.:0"
	grep -qx 'screen 0000:00:02.0 modesetting' "$XDG_RUNTIME_DIR/nv-run/session.:0" &&
		grep -qx 'gpu 0000:01:00.0 modesetting' "$XDG_RUNTIME_DIR/nv-run/session.:0"
}

second_is()
{
	outputs | tail -n 1 | grep -q "connected $1"
}

count_outputs()
{
	[[ $(outputs | wc -l) == "$1" ]]
}

providers_have_slots()
{
	./nv-session providers --json >providers.json && cat providers.json &&
		grep -q '"slot": "0000:00:02.0"' providers.json &&
		grep -q '"slot": "0000:01:00.0"' providers.json
}

nothing_changes()
{
	xrandr --verbose >before
	says "nothing to do" session setup -v && xrandr --verbose | cmp - before
}

check "Xorg starts for nv-session" start_xorg
check "both providers called modesetting get their slots" providers_have_slots
check "plan tells the link" says "setprovideroutputsource" session plan
check "plan does nothing" count_outputs 1
check "setup links and lights the second GPU" session setup -v
check "the second GPU's output is lit" second_is lit
xsetroot -solid '#2060c0'
wait_for 20 shows gpu0 0x20 0x60 0xc0
wait_for 20 shows gpu1 0x20 0x60 0xc0
mv gpu0.ppm both0.ppm
mv gpu1.ppm both1.ppm
check "a second setup changes nothing" nothing_changes
check "status says reverse-sync" says '"mode": "reverse-sync"' session status --json
# An emulated processor does not always make it within the tenth of a second that publish has.
check "publish tells nv-run of the server" wait_for 10 session publish
check "the session file has both GPUs at their slots" file_has_slots
check "reset takes it back" ./nv-session reset -v
check "the second GPU is unlinked again" count_outputs 1
xsetroot -solid '#c06020'
wait_for 20 shows gpu0 0xc0 0x60 0x20
mv gpu0.ppm after0.ppm
check "sync is refused where NVIDIA does not draw" says "sync cannot be" ./nv-session setup --mode sync
./nv-session watch --config=session.conf 2>watch.log &
watch=$!
check "watch lights the second GPU" wait_for 20 second_is lit
check "watch goes on" kill -0 "$watch"
kill "$watch"
wait "$watch"
check "Xorg ends in order after nv-session" stop_xorg
exit "$failed"
