# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Makes the guest's kernel, initial RAM disk and disk. For tests/vm/vm, which sets these:
: "${here:?}" "${cache:?}"
#
# Only Debian packages go in, by way of the system's own apt sources, and of the same release:
# what was built here runs there.

# Parts of the kernel no test has a use for; without them the disk is half the size.
prune='drivers/(net|media|infiniband|iio|hwmon|scsi|staging|mtd|ata|md|bluetooth|nfc|input|comedi|usb/(gadget|serial|atm))'
prune+='|net/(wireless|mac80211|bluetooth|netfilter|sched|ceph|tipc|sctp|openvswitch|batman-adv)'
prune+='|fs/(btrfs|xfs|ocfs2|ceph|nfs|nfsd|smb|ksmbd|f2fs|gfs2|jfs|reiserfs|ubifs|afs|dlm|nilfs2)'
prune+='|sound/(soc|firewire|isa)'

guest_packages()
{
	sed '/^#/d' "$here/packages" | xargs
	printf '%s\n' "${NV_VM_PACKAGES:-}"
}

# The package that a package depends on: depended PACKAGE PATTERN.
depended()
{
	apt-cache depends --important "$1" 2>/dev/null |
		awk -v pattern="$2" '$1 == "Depends:" && $2 ~ pattern && !found++ { print $2 }'
}

kernel_package()
{
	depended linux-image-amd64 '^linux-image-'
}

# The name of the image: of all that goes into it.
stamp()
{
	local kernel
	kernel=$(kernel_package)
	[[ $kernel ]] || return
	{
		# Lines on purpose: the versions that apt would fetch now.
		# shellcheck disable=SC2046
		apt-cache show --no-all-versions "$kernel" $(guest_packages) | sed -n '/^\(Package\|Version\):/p'
		cd "$here" || return
		find image.sh packages guest modules -type f | sort | xargs sha256sum
	} | sha256sum | cut -c 1-16
}

# Fetches packages and unpacks them: fetch DIRECTORY PACKAGE...
fetch()
{
	local directory=$1 deb
	shift
	mkdir "$work/deb"
	(
		cd "$work/deb"
		# Its own user _apt may not enter a cache below root's home.
		timeout 600 apt-get -qq -o Acquire::Retries=2 -o APT::Sandbox::User=root download "$@" >&2
	) || fail "apt cannot download $*; try apt-get update"
	for deb in "$work"/deb/*.deb; do
		dpkg-deb -x "$deb" "$directory"
	done
	rm -rf "$work/deb"
}

build_kernel()
{
	local modules=$work/kernel/lib/modules/$release
	say "kernel $release"
	fetch "$work/kernel" "linux-image-$release" busybox-static
	find "$modules/kernel" -name '*.ko' -o -name '*.ko.xz' |
		grep -E "/kernel/($prune)/" | xargs -r rm -f
	build_modules
	depmod -b "$work/kernel" "$release" 2>/dev/null
}

# Modules that Debian leaves out: vkms from the kernel's source, and what is in modules/, a
# directory with a Kbuild file each.
build_modules()
{
	local headers source directory directories=()
	headers=$(apt-cache depends --important "linux-headers-$release" | awk '$1 == "Depends:" && $2 !~ /^</ { print $2 }')
	source=$(depended linux-source '^linux-source-')
	# Names without blanks.
	# shellcheck disable=SC2086
	fetch "$work/source" "linux-headers-$release" $headers "$source"
	headers=$work/source/usr/src
	# It says where the package would be installed.
	printf 'include %s\n' "$headers/linux-headers-${release%-*}-common/Makefile" \
		>"$headers/linux-headers-$release/Makefile"
	mkdir "$work/modules"
	tar -xJf "$headers/$source.tar.xz" -C "$work/modules" --strip-components=4 --wildcards \
		'*/drivers/gpu/drm/vkms'
	for directory in "$here"/modules/*/; do
		[[ -d $directory ]] && cp -r "$directory" "$work/modules"
	done
	directories=("$work"/modules/*/)
	for directory in "${directories[@]}"; do
		say "module $(basename "$directory")"
		make -s -C "$headers/linux-headers-$release" M="${directory%/}" CONFIG_DRM_VKMS=m modules \
			>"$work/make.log" 2>&1 || fail "$(tail -40 "$work/make.log")"
		strip --strip-debug "$directory"/*.ko
		install -D -m 644 -t "$work/kernel/lib/modules/$release/updates" "$directory"/*.ko
	done
}

build_root()
{
	local sources codename
	say "root file system"
	# Debian's own sources alone; others have keys and packages that no test needs.
	# shellcheck disable=SC2016
	sources=$(apt-get indextargets --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's/^Debian //p' | sort -u)
	[[ $sources ]] || fail "apt has no sources of Debian"
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	timeout 900 mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
		--include="$(guest_packages | xargs | tr ' ' ,)" \
		--aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$codename" "$work/root" - <<<"$sources" || fail "mmdebstrap failed"
	cp -a "$work/kernel/lib/modules" "$work/root/usr/lib/"
	local root=$work/root units=$work/root/etc/systemd/system
	mkdir -p "$root/mnt/share" "$root/mnt/control" "$units/multi-user.target.wants"
	echo vm >"$root/etc/hostname"
	echo 127.0.0.1 localhost vm >"$root/etc/hosts"
	install -m 755 "$here/guest/init" "$root/usr/sbin/vm-init"
	install -m 755 "$here/guest/run" "$root/usr/sbin/vm-run"
	install -m 755 "$here/guest/mon" "$root/usr/bin/vmmon"
	install -m 644 "$here/guest/vm-run.service" "$units"
	ln -s ../vm-run.service "$units/multi-user.target.wants/"
}

build_disks()
{
	local module number=100 size
	say "initial RAM disk and disk"
	mkdir -p "$work/initrd"/{modules,dev,sys,root}
	install -m 755 "$here/guest/initrd" "$work/initrd/init"
	cp "$work/kernel/bin/busybox" "$work/initrd/busybox"
	while read -r module; do
		cp "$module" "$work/initrd/modules/$((number++)).ko"
	done < <(modprobe -d "$work/kernel" -S "$release" --show-depends -a virtio_pci virtio_blk ext4 |
		awk '!seen[$2]++ { print $2 }')
	(cd "$work/initrd" && find . | "$work/initrd/busybox" cpio -o -H newc 2>/dev/null) |
		gzip -1 >"$work/image/initrd"
	size=$(du -sm "$work/root" | cut -f 1)
	mke2fs -q -F -t ext4 -O ^has_journal,^metadata_csum -m 0 -d "$work/root" \
		"$work/image/disk" "$((size * 115 / 100 + 128))M" >&2
	cp "$work/kernel/boot/vmlinuz-$release" "$work/image/vmlinuz"
}

# Sets image to the one of what is wanted now, and tells whether it is there.
find_image()
{
	image=$cache/$(stamp) && [[ -d $image ]]
}

# Makes the image of what is wanted now, unless it is there. Sets image.
build_image()
{
	local lock
	find_image && return
	((EUID == 0)) || fail "building an image needs root"
	mkdir -p "$cache"
	exec {lock}>"$cache/lock"
	flock -w 1200 "$lock" || fail "$cache is locked: another build has not ended in 20 minutes"
	find_image && return
	# What apt knows may no longer be in the archive. Sources that are no Debian's may fail.
	timeout 300 apt-get -qq update >&2 || true
	find_image && return
	[[ $image != "$cache/" ]] || fail "apt knows no linux-image-amd64"

	# What others left behind long ago, be it unfinished or of other packages.
	find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf --one-file-system {} +
	work=$(mktemp -d "$cache/build.XXXXXX")
	# Now, not at the exit: there, nothing is known of it.
	# shellcheck disable=SC2064
	trap "rm -rf --one-file-system '$work'" EXIT
	chmod 755 "$work"
	mkdir "$work/image"
	release=$(kernel_package)
	release=${release#linux-image-}
	build_kernel
	build_root
	build_disks
	mv "$work/image" "$image"
	exec {lock}>&-
}
