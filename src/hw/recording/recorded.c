/* SPDX-License-Identifier: MIT */
#include "hw/recorded.h"

#define MODULES                                                                                    \
	"{nvidia,nvidia_drm,nvidia_modeset,nvidia_uvm,nvidia_peermem,nvidia_vgpu_vfio,nvidiafb,"   \
	"nvidia_wmi_ec_backlight,nouveau,nova_core,nova_drm,amdgpu,radeon,i915,xe,ast,mgag200,"    \
	"simpledrm,efifb,bbswitch,acpi_call,evdi,vkms,vfio,vfio_pci,vfio_pci_core,"                \
	"vfio_iommu_type1,iommufd,kvm,kvm_amd,kvm_intel,snd_hda_intel,i2c_nvidia_gpu,ucsi_ccg,"    \
	"video,fbcon,drm,drm_kms_helper}"

#define DRIVERS                                                                                    \
	"{nvidia,nouveau,NovaCore,amdgpu,radeon,i915,xe,vfio-pci,snd_hda_intel,xhci_hcd,"          \
	"nvidia-gpu,ast,mgag200}"

/* Debian's triplets; Fedora and openSUSE; Arch; Debian's alternatives; NixOS; by hand; containers.
 * What is for 32-bit programs is beside each. */
#define LIBRARIES                                                                                  \
	"{/usr/lib/*-linux-gnu,/usr/lib/*-linux-gnu/nvidia,/usr/lib/*-linux-gnu/nvidia/current,"   \
	"/usr/lib64,/usr/lib64/nvidia,/usr/lib,/usr/lib32,/usr/lib/nvidia,/usr/lib/nvidia/"        \
	"current,/usr/lib32/nvidia,/run/opengl-driver/lib,/run/opengl-driver-32/lib,"              \
	"/usr/local/lib,/usr/local/lib64,/usr/lib/wsl/lib,/usr/lib/*-linux-gnueabihf,/usr/local/"  \
	"nvidia/lib,/usr/local/nvidia/lib64,/opt/cuda/lib64,"                                      \
	"/usr/local/cuda/lib64,/lib/*-linux-gnu,/lib64}"

#define SHARE                                                                                      \
	"{/etc,/usr/share,/usr/local/share,/usr/local/etc,/run/opengl-driver/share,"               \
	"/run/opengl-driver-32/share,/run/opengl-driver/etc}"

#define UNITS "{/etc,/run,/usr/lib,/lib,/usr/local/lib}/systemd"

const struct recorded recorded_table[] = {
	{"the machine", RECORDED_TITLE, NULL},
	{"/etc/{os-release,NIXOS,debian_version}", RECORDED_TEXT, NULL},
	{"/usr/lib/os-release", RECORDED_TEXT, NULL},
	{"/proc/{cmdline,version,devices,modules,fb,swaps}", RECORDED_TEXT, NULL},
	{"/proc/sys/kernel/{hostname,osrelease,ostype,tainted,modprobe}", RECORDED_TEXT, NULL},
	{"/proc/{mounts,self/mounts,self/mountinfo}", RECORDED_HERE, recorded_mounts},
	{"/proc/1/comm", RECORDED_TEXT, NULL},
	{"/sys/class/dmi/id/{chassis_type,sys_vendor,product_name,product_version,product_family,"
	 "board_name,board_vendor,bios_version,bios_date}",
		RECORDED_TEXT, NULL},
	{"/sys/class/power_supply/*/{type,scope,status,online}", RECORDED_TEXT, NULL},
	{"/sys/power/{state,mem_sleep,disk}", RECORDED_TEXT, NULL},
	{"/sys/kernel/security/lockdown", RECORDED_TEXT, NULL},
	{"/sys/module/module/parameters/sig_enforce", RECORDED_TEXT, NULL},
	{"/sys/firmware{,/efi,/efi/efivars,/efi/efivars/Boot{Order,Current}-*}", RECORDED_NAME,
		NULL},
	{"/sys/firmware/efi/efivars/{SecureBoot,SetupMode,MokSBStateRT,MokListTrustedRT}-*",
		RECORDED_TEXT, NULL},
	{"/sys/firmware/acpi/pm_profile", RECORDED_TEXT, NULL},
	{"/usr/share/{misc/,hwdata/,}pci.ids", RECORDED_TEXT, recorded_ids},
	{"/run/current-system/sw/share/hwdata/pci.ids", RECORDED_TEXT, recorded_ids},

	{"the GPUs: functions of their slots, and the bridges above", RECORDED_TITLE, NULL},
	{"{@function,@bridge}/{class,vendor,device,subsystem_vendor,subsystem_device,revision,"
	 "uevent,modalias,boot_vga,enable,irq,numa_node,removable,reset_method,power_state,"
	 "d3cold_allowed,driver_override,resource,sriov_numvfs,sriov_totalvfs,msi_bus}",
		RECORDED_TEXT, NULL},
	{"{@function,@bridge}/power/{control,runtime_status,runtime_usage,runtime_enabled,"
	 "runtime_active_time,runtime_suspended_time,runtime_active_kids,autosuspend_delay_ms}",
		RECORDED_TEXT, NULL},
	{"{@function,@bridge}/{max,current}_link_{speed,width}", RECORDED_AWAKE, NULL},
	{"{@function,@bridge}/{driver,driver/module,subsystem,iommu_group,iommu,physfn,virtfn*,"
	 "consumer:*,supplier:*,reset,remove,i2c-*,mdev_supported_types/*}",
		RECORDED_NAME, NULL},
	{"{@function,@bridge}/firmware_node/path", RECORDED_TEXT, NULL},
	{"{@function,@bridge}/firmware_node/power_resources_D*/*", RECORDED_NAME, NULL},
	{"@function/iommu_group/{type,reserved_regions}", RECORDED_TEXT, NULL},
	{"@function/iommu_group/devices/*/{class,vendor,device,uevent}", RECORDED_TEXT, NULL},
	{"@function/iommu_group/devices/*/driver", RECORDED_NAME, NULL},
	{"@function/{graphics/*,vfio-dev/*,sound/card*,sound/card*/*,drm_dp_aux_dev/*,i2c-*/*/"
	 "i2c-*}"
	 "/{dev,name,id,number}",
		RECORDED_TEXT, NULL},
	{"@gpu/{uevent,modalias,class,vendor,device,virtio*/uevent,of_node/compatible}",
		RECORDED_TEXT, NULL},
	{"@gpu/power/{control,runtime_status,runtime_usage}", RECORDED_TEXT, NULL},
	{"@gpu/driver", RECORDED_NAME, NULL},
	{"/sys/class/drm/{version,card[0-9]*/{dev,uevent,boot_display},renderD*/{dev,uevent}}",
		RECORDED_TEXT, NULL},
	{"/sys/class/drm/card*-*/{status,enabled,dpms,modes,edid,connector_id}", RECORDED_TEXT,
		NULL},
	{"/sys/class/drm/*/device", RECORDED_NAME, NULL},
	{"/sys/dev/char/{226,195}:*", RECORDED_NAME, NULL},
	{"/sys/class/graphics/fb*/{name,dev,modes,virtual_size}", RECORDED_TEXT, NULL},
	{"/sys/class/vtconsole/*/{name,bind}", RECORDED_TEXT, NULL},
	{"/sys/class/{vfio,vfio-dev,mdev_bus,drm_dp_aux_dev,i2c-dev}/*", RECORDED_NAME, NULL},
	{"/sys/class/{vfio,vfio-dev}/*/dev", RECORDED_TEXT, NULL},
	{"/sys/class/iommu/*", RECORDED_NAME, NULL},
	{"/sys/class/kfd/kfd/dev", RECORDED_TEXT, NULL},
	{"/sys/bus/{mdev,thunderbolt}/devices/*", RECORDED_NAME, NULL},
	{"/sys/bus/thunderbolt/devices/*/{authorized,device_name,vendor_name,generation,uevent}",
		RECORDED_TEXT, NULL},
	{"/sys/bus/pci/drivers/" DRIVERS, RECORDED_NAME, NULL},
	{"/sys/bus/pci/drivers/" DRIVERS "/{module,*:*}", RECORDED_NAME, NULL},
	{"/sys/bus/platform/drivers/{efi-framebuffer,simple-framebuffer,vesa-framebuffer}/*",
		RECORDED_NAME, NULL},

	{"their nodes", RECORDED_TITLE, NULL},
	{"/dev/{nvidia*,nvidia-caps*/*,dri/*,dri/by-path/*,vfio/*,vfio/devices/"
	 "*,kfd,fb[0-9]*,iommu}",
		RECORDED_NAME, NULL},

	{"drivers in the kernel", RECORDED_TITLE, NULL},
	{"/sys/module/" MODULES "/{version,srcversion,initstate,refcnt,taint}", RECORDED_TEXT,
		NULL},
	{"/sys/module/" MODULES "/parameters/*", RECORDED_TEXT, NULL},
	{"/sys/module/" MODULES "/{holders,drivers}/*", RECORDED_NAME, NULL},
	{"/sys/module/" MODULES, RECORDED_NAME, NULL},
	{"/proc/driver/nvidia/{version,params,registry,suspend_depth}", RECORDED_TEXT, NULL},
	{"/proc/driver/nvidia/gpus/*/{information,power,registry}", RECORDED_TEXT, NULL},
	{"/proc/driver/nvidia/{suspend,gpus/*/unbindLock}", RECORDED_NAME, NULL},
	{"/proc/driver/nvidia/{capabilities,patches,warnings}", RECORDED_TREE, NULL},
	{"/proc/driver/nvidia-{uvm,nvlink,nvswitch,caps}/*", RECORDED_TEXT, NULL},
	{"/proc/driver/nvidia-caps/mig-minors", RECORDED_TEXT, NULL},
	{"@modules/{modules.dep,modules.builtin,modules.softdep}", RECORDED_TEXT,
		recorded_module_lines},
	{"{/lib/modules,/usr/lib/modules,/run/booted-system/kernel-modules/lib/modules}/*/"
	 "{updates,updates/dkms,extra,extra/nvidia*,extramodules,misc,kernel/drivers/video,"
	 "kernel/drivers/video/nvidia,nvidia,nvidia/*,kernel/nvidia*,weak-updates/*,"
	 "kernel/drivers/gpu/drm/{nouveau,nova,amd/amdgpu,i915,xe},kernel/drivers/gpu/nova-core,"
	 "kernel/drivers/vfio/pci,kernel/drivers/video/fbdev/nvidia}/"
	 "{nvidia*.ko*,nouveau.ko*,nova*.ko*,amdgpu.ko*,i915.ko*,xe.ko*,vfio*.ko*}",
		RECORDED_NAME, NULL},
	{"{/usr/lib,/lib,/lib/firmware/updates,/usr/lib/firmware/updates,/run/current-system}/"
	 "firmware/nvidia/*/gsp*",
		RECORDED_NAME, NULL},
	{"/var/lib/dkms/nvidia*{,/*,/*/*,/*/*/*}", RECORDED_NAME, NULL},
	{"/usr/src/nvidia*", RECORDED_NAME, NULL},
	{"{/etc,/run,/usr/lib,/usr/local/lib,/lib}/modprobe.d/*", RECORDED_POINTS, NULL},
	{"{/etc,/run,/usr/lib,/lib}/modules-load.d/*", RECORDED_TEXT, NULL},
	{"/etc/modules", RECORDED_TEXT, NULL},
	{"/{usr/,}{s,}bin/modprobe", RECORDED_NAME, NULL},
	{"/run/current-system/sw/bin/{modprobe,nvidia-*}", RECORDED_NAME, NULL},
	{"/etc/{dracut.conf.d/*,mkinitcpio.conf,initramfs-tools/modules,default/grub}",
		RECORDED_MENTION, NULL},
	{"{/etc,/run,/usr/lib,/lib}/udev/rules.d/*", RECORDED_MENTION, NULL},

	{"drivers' user side", RECORDED_TITLE, NULL},
	{LIBRARIES "/lib{GLX,EGL,GLESv1_CM,GLESv2}_*.so*", RECORDED_NAME, NULL},
	{LIBRARIES "/{libnvidia-*.so*,libnvcuvid.so*,libnvoptix.so*,libcuda*.so*,libOpenCL.so*,"
		   "libGL.so*,libEGL.so*,libGLX.so*,libGLdispatch.so*,libOpenGL.so*,libgbm.so*,"
		   "libvulkan*.so*,libvdpau*.so*,libva*.so*,libdrm*.so*,libXNVCtrl.so*}",
		RECORDED_NAME, NULL},
	{LIBRARIES "/{gbm,vdpau,dri,nvidia/xorg,nvidia/wine}/*.{so,dll}*", RECORDED_NAME, NULL},
	{"{/usr/lib,/usr/lib64,/usr/lib/*-linux-gnu,/usr/local/lib,/run/opengl-driver/lib,"
	 "/run/current-system/sw/lib}/xorg/modules/{drivers,extensions}/*.so*",
		RECORDED_NAME, NULL},
	{"{/usr/lib,/usr/lib64}/{nvidia,nvidia/xorg,xorg/modules/linux,opengl/nvidia/extensions}/"
	 "*.so*",
		RECORDED_NAME, NULL},
	{"/etc/alternatives/*nvidia*", RECORDED_NAME, NULL},
	{"/etc/ld.so.cache", RECORDED_TEXT, recorded_cache},
	{"/etc/ld.so.conf{,.d/*}", RECORDED_TEXT, NULL},
	{"{,/usr}/lib{,32,64}/ld-linux*.so.*", RECORDED_NAME, NULL},
	{SHARE "/glvnd/egl_vendor.d/*", RECORDED_POINTS, NULL},
	{SHARE "/egl/egl_external_platform.d/*", RECORDED_POINTS, NULL},
	{SHARE "/vulkan/{icd.d,implicit_layer.d,explicit_layer.d}/*", RECORDED_POINTS, NULL},
	{SHARE "/vulkansc/icd.d/*", RECORDED_TEXT, NULL},
	{SHARE "/nvidia/nvidia-application-profiles*", RECORDED_NAME, NULL},
	{"{/etc,/run/opengl-driver/etc}/OpenCL/vendors/*", RECORDED_POINTS, NULL},
	{"{/etc,/run,/var/run}/cdi/*", RECORDED_POINTS, NULL},
	{"/etc/nvidia-container-runtime/config.toml", RECORDED_TEXT, NULL},
	{"/etc/{docker/daemon.json,containerd/config.toml}", RECORDED_MENTION, NULL},
	{"/usr/local/{cuda,cuda-*}", RECORDED_NAME, NULL},
	{"/usr/local/{cuda,cuda-*}/{version.json,version.txt}", RECORDED_TEXT, NULL},
	{"{/opt/cuda,/usr/lib/cuda,/usr/lib/nvidia-cuda-toolkit}{,/version.json,/version.txt}",
		RECORDED_TEXT, NULL},
	{"{/usr/local/cuda/,/opt/cuda/,/usr/}bin/{nvcc,nvidia-smi,nvidia-modprobe,"
	 "nvidia-persistenced,nvidia-powerd,nvidia-sleep.sh,nv-fabricmanager,mokutil}",
		RECORDED_NAME, NULL},
	{"/var/lib/flatpak/runtime/org.freedesktop.Platform.GL{,32}.nvidia*", RECORDED_NAME, NULL},

	{"the session, the X server and display managers", RECORDED_TITLE, NULL},
	{"/etc/nv-run", RECORDED_TREE, NULL},
	{"{/usr,/usr/local}/share/nv-run/rules.d/*", RECORDED_TEXT, NULL},
	{"/etc/{environment,environment.d/*,security/pam_env.conf,pam/environment,profile,"
	 "profile.local,profile.d/*,bashrc,bash.bashrc.local,set-environment,zprofile,zsh/zprofile,"
	 "xprofile,xdg/plasma-workspace/env/*,xdg/uwsm/env*,"
	 "bash.bashrc,zsh/zshenv,zshenv}",
		RECORDED_MENTION, NULL},
	{"{/usr/lib,/usr/local/lib,/lib,/run}/environment.d/*", RECORDED_MENTION, NULL},
	{"{/etc,/usr/lib,/run}/systemd/{system,user}.conf{,.d/*}", RECORDED_MENTION, NULL},
	{"{/etc,/usr/lib,/run}/systemd/system/{user@,display-manager}.service.d/*",
		RECORDED_MENTION, NULL},
	{"@home/{.config/environment.d/*,.pam_environment,.profile,.bash_profile,.bash_login,"
	 ".bashrc,.zshenv,.zprofile,.zshrc,.zlogin,.xprofile,.xsessionrc,.xsession,.xinitrc}",
		RECORDED_MENTION, NULL},
	{"@home/.config/{uwsm/*,uwsm/env.d/*,plasma-workspace/env/*,hypr/*.conf}", RECORDED_MENTION,
		NULL},
	{"@home/.config/{vulkan,glvnd,nv-run}", RECORDED_TREE, NULL},
	{"@home/.local/share/vulkan/{icd.d,implicit_layer.d,explicit_layer.d}/*", RECORDED_POINTS,
		NULL},
	{"@home/.local/share/xorg/Xorg.*.log", RECORDED_TEXT, NULL},
	{"/var/log/Xorg.[0-9]*.log", RECORDED_TEXT, NULL},
	{"/etc/X11/{xorg.conf*,XF86Config,Xwrapper.config,default-display-manager}",
		RECORDED_POINTS, NULL},
	{"{/etc,/usr/share,/usr/lib,/usr/lib64,/usr/local/share,/usr/etc}/X11/"
	 "{xorg.conf.d/*,xorg.conf}",
		RECORDED_POINTS, NULL},
	{"/etc/xorg.conf", RECORDED_POINTS, NULL},
	{"/etc/X11/{xinit/xinitrc,Xsession.d/*,xinit/xinitrc.d/*}", RECORDED_MENTION, NULL},
	{"/etc/X11/xdm/{xdm-config,Xsetup*}", RECORDED_POINTS, NULL},
	{"/tmp/.X11-unix/X*", RECORDED_NAME, NULL},
	{"/tmp/.X*-lock", RECORDED_TEXT, NULL},
	{"{/etc,/usr/share,/etc/xdg,/usr/local/share}/lightdm/{lightdm.conf.d/*,*}",
		RECORDED_POINTS, NULL},
	{"{/etc/,/usr/lib/sddm/}sddm.conf{,.d/*}", RECORDED_POINTS, NULL},
	{"/usr/share/sddm/scripts/{Xsetup,Xstop}", RECORDED_POINTS, NULL},
	{"{/etc,/run}/{gdm,gdm3}/{custom.conf,daemon.conf}", RECORDED_POINTS, NULL},
	{"/etc/lxdm/{lxdm.conf,LoginReady,PreLogin,PostLogin}", RECORDED_POINTS, NULL},
	{"{/etc/xdg/autostart,/usr/share/gdm/greeter/autostart}/*", RECORDED_MENTION, NULL},
	{"{/bin,/sbin,/usr/bin,/usr/sbin,/usr/local/bin,/usr/local/sbin}", RECORDED_NAME, NULL},
	{"/{,usr/}bin/{sh,env}", RECORDED_NAME, NULL},
	{"/{,usr/,usr/local/,run/current-system/sw/}{bin,sbin,libexec,lib/xorg,lib}/{gdm,gdm3,"
	 "lightdm,sddm,xdm,lxdm,Xorg,Xorg.bin,Xwayland,xinit,dracut,mkinitcpio,update-initramfs}",
		RECORDED_NAME, NULL},

	{"services, and what other tools left", RECORDED_TITLE, NULL},
	{UNITS "/{system,user}{,/*.wants,/*.requires}/{nvidia*,bumblebee*,optimus*,supergfxd*,"
	       "com.system76.PowerDaemon*,gpu-manager*,switcheroo*,prime*,envycontrol*,egpu*,"
	       "all-ways-egpu*,"
	       "display-manager*,nv-gpu*,nv-session*,driverctl*,dcgm*}",
		RECORDED_POINTS, NULL},
	{UNITS "/system{,/*.wants}/{gdm*,sddm*,lightdm*,lxdm*,xdm*,greetd*,ly*}.service",
		RECORDED_NAME, NULL},
	{UNITS "/system/{nvidia*,systemd-suspend*,systemd-hibernate*,display-manager*,user@}.d/*",
		RECORDED_POINTS, NULL},
	{"{/usr/lib,/lib,/etc}/systemd/system-sleep/*", RECORDED_MENTION, NULL},
	{"/run/{nvidia-persistenced,nvidia-powerd,nvidia-xdriver,nvidia-fabricmanager}{,/*}",
		RECORDED_NAME, NULL},
	{"/var/run/nvidia-*{,/*}", RECORDED_NAME, NULL},
	{"/run/nvidia-persistenced/nvidia-persistenced.pid", RECORDED_TEXT, NULL},
	{"/sys/fs/cgroup/system.slice/{nvidia*,bumblebee*,supergfxd*,optimus*,display-manager*}",
		RECORDED_NAME, NULL},
	{"{/etc,/usr/share,/usr/local/share}/dbus-1/{system.d,system-services}/*{nvidia,bumblebee,"
	 "supergfx,system76}*",
		RECORDED_NAME, NULL},
	{"/etc/{bumblebee,optimus-manager,prime,envycontrol,switcheroo-control,supergfxd.conf,"
	 "prime-discrete,nvidia-xrun,driverctl.d,nvidia,egpu-switcher,all-ways-egpu}",
		RECORDED_TREE, NULL},
	{"/opt/egpu-switcher{,/*}", RECORDED_NAME, NULL},
	{"/var/lib/{optimus-manager,envycontrol,nv-gpu,nv-run,driverctl,ubuntu-drivers-common,"
	 "switcheroo-control}{,/*}",
		RECORDED_NAME, NULL},
	{"/var/{cache,lib}/{envycontrol,optimus-manager}/*", RECORDED_TEXT, NULL},
	{"/run/{nv-gpu,optimus-manager,u-d-c-nvidia*}{,/*}", RECORDED_TEXT, NULL},
	{"/{usr/,usr/local/,}{s,}bin/{bumblebeed,optirun,primusrun,optimus-manager,envycontrol,"
	 "supergfxctl,supergfxd,prime-select,prime-switch,linux-driver-management,system76-power,"
	 "gpu-manager,nvidia-xrun,"
	 "switcherooctl,driverctl,nvidia-settings,nvidia-xconfig,egpu-switcher,all-ways-egpu}",
		RECORDED_NAME, NULL},
	{NULL, RECORDED_TITLE, NULL},
};
