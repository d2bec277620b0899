/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "base/display.h"
#include "base/mem.h"
#include "base/str.h"
#include "offload/offload.h"
#include "tap.h"

static struct arena *arena;

static const struct hw_nvidia no_facts = {.minor = -1};
static const struct hw_nvidia first = {
	.model = "RTX A", .uuid = "GPU-11111111-aaaa-4bbb-8ccc-0123456789ab", .minor = 0};
static const struct hw_nvidia second = {
	.model = "RTX B", .uuid = "GPU-22222222-AAAA-4bbb-8ccc-0123456789ab", .minor = 1};

/* The GPUs that machines are made of. */
#define INTEL                                                                                      \
	{                                                                                          \
		.slot = "0000:00:02.0", .pci = true, .vga = true, .vendor = HW_INTEL,              \
		.device = 0x46a6, .driver = "i915", .render = 128, .role = HW_INTEGRATED,          \
		.role_why = "", .nvidia = &no_facts                                                \
	}
#define CARD(place, maker, model, kernel, facts)                                                   \
	{                                                                                          \
		.slot = (place), .pci = true, .vga = true, .vendor = (maker), .device = (model),   \
		.driver = (kernel), .render = 129, .role = HW_DISCRETE, .role_why = "",            \
		.nvidia = (facts)                                                                  \
	}
#define NVIDIA CARD("0000:01:00.0", HW_NVIDIA, 0x25a2, "nvidia", &first)
#define NVIDIA2 CARD("0000:02:00.0", HW_NVIDIA, 0x25a2, "nvidia", &second)
#define NVIDIA3 CARD("0000:03:00.0", HW_NVIDIA, 0x2204, "nvidia", &no_facts)
#define AMD CARD("0000:0a:00.0", HW_AMD, 0x73ff, "amdgpu", &no_facts)
#define NOUVEAU CARD("0000:01:00.0", HW_NVIDIA, 0x0dcd, "nouveau", &no_facts)
#define VFIO CARD("0000:01:00.0", HW_NVIDIA, 0x2204, "vfio-pci", &no_facts)
#define BOARD                                                                                      \
	{                                                                                          \
		.slot = "0000:00:01.0", .pci = true, .vga = true, .vendor = 0x1a03,                \
		.device = 0x2000, .driver = "ast", .render = -1, .role = HW_INTEGRATED,            \
		.role_why = "", .nvidia = &no_facts                                                \
	}
#define APU                                                                                        \
	{                                                                                          \
		.slot = "0000:06:00.0", .pci = true, .vga = true, .vendor = HW_AMD,                \
		.device = 0x1638, .driver = "amdgpu", .render = 128, .role = HW_INTEGRATED,        \
		.role_why = "", .nvidia = &no_facts                                                \
	}

enum { BOOT_FIRST, BOOT_SECOND, BOOT_NONE = 9 };

#define X11 "DISPLAY=:0", "XDG_SESSION_TYPE=x11"
#define WAYLAND "DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0", "XDG_SESSION_TYPE=wayland"
#define OFFLOADED "__NV_PRIME_RENDER_OFFLOAD=1 __VK_LAYER_NV_optimus=NVIDIA_only "
#define GLX_NVIDIA "__GLX_VENDOR_LIBRARY_NAME=nvidia "
#define ASLEEP                                                                                     \
	"__GLX_VENDOR_LIBRARY_NAME=mesa __EGL_VENDOR_LIBRARY_FILENAMES=/mesa.json "                \
	"VK_LOADER_DRIVERS_DISABLE=*nvidia* CUDA_VISIBLE_DEVICES= OCL_ICD_VENDORS=/other.icd "
#define ASLEEP_DISCRETE                                                                            \
	"__GLX_VENDOR_LIBRARY_NAME=mesa __EGL_VENDOR_LIBRARY_FILENAMES=/mesa.json "                \
	"VK_LOADER_DRIVERS_DISABLE=*nvidia* "

struct plan_case {
	const char *name;
	struct hw_gpu gpus[3];
	int boot;
	const char *gpu, *rules; /* rules: lines of a section */
	const char *environment[24];
	const char *session; /* lines of a session file behind its socket */
	const char *changes, *warning;
	const struct hw_stack *stack;
	unsigned driver;
};

static const struct hw_stack full = {.nvidia_glx = true,
	.nvidia_xorg = true,
	.nvidia_egl = "/nvidia.json",
	.mesa_egl = "/mesa.json",
	.opencl_other = "/other.icd",
	.opencl_nvidia = true,
	.lavapipe = true};
static const struct hw_stack bare = {.nvidia_glx = false};
static const struct hw_stack no_xorg = {.nvidia_glx = true};

static const struct plan_case cases[] = {
	/* NVIDIA's driver. */
	{"x11 guess", {INTEL, NVIDIA}, 0, "nvidia", "", {X11}, NULL, OFFLOADED GLX_NVIDIA, NULL},
	{"x11 guess without X driver", {INTEL, NVIDIA}, 0, "nvidia", "", {X11}, NULL, OFFLOADED,
		"GLX programs stay on", &no_xorg},
	{"x11 of unknown kind", {INTEL, NVIDIA}, 0, "nvidia", "", {"DISPLAY=:9"}, NULL, OFFLOADED,
		"not known"},
	{"remote display", {INTEL, NVIDIA}, 0, "nvidia", "", {"DISPLAY=localhost:10.0"}, NULL,
		OFFLOADED, "not on this machine"},
	{"provider known", {INTEL, NVIDIA}, 0, "nvidia", "", {"DISPLAY=:9"},
		"server xorg\nscreen 0000:00:02.0 modesetting\ngpu - NVIDIA-G0\n",
		OFFLOADED GLX_NVIDIA, NULL},
	{"no provider", {INTEL, NVIDIA}, 0, "nvidia", "", {X11},
		"server xorg\nscreen 0000:00:02.0 modesetting\n", OFFLOADED,
		"X server :0 has no NVIDIA provider"},
	{"Xvfb", {INTEL, NVIDIA}, 0, "nvidia", "", {X11}, "server other\n", OFFLOADED,
		"has no GPUs of its own"},
	{"nobody knew", {INTEL, NVIDIA}, 0, "nvidia", "", {X11}, "server unknown\n",
		OFFLOADED GLX_NVIDIA, NULL},
	{"Wayland", {INTEL, NVIDIA}, 0, "nvidia", "", {WAYLAND}, NULL, OFFLOADED GLX_NVIDIA, NULL},
	{"Wayland, but DISPLAY is Xvfb", {INTEL, NVIDIA}, 0, "nvidia", "", {WAYLAND},
		"server other\n", OFFLOADED, "no GPUs of its own"},
	{"tty", {INTEL, NVIDIA}, 0, "nvidia", "", {0}, NULL, OFFLOADED, NULL},
	{"library missing", {INTEL, NVIDIA}, 0, "nvidia", "", {WAYLAND}, NULL, OFFLOADED,
		"libGLX_nvidia.so.0 is not installed", &bare},
	{"driver too old", {INTEL, NVIDIA}, 0, "nvidia", "", {X11}, NULL, "", "older than", NULL,
		390},
	{"NVIDIA shows the screen", {INTEL, NVIDIA}, 1, "nvidia", "", {X11}, NULL, "", NULL},
	{"sync session", {INTEL, NVIDIA}, 0, "nvidia", "", {X11},
		"server xorg\nscreen 0000:01:00.0 NVIDIA-0\ngpu 0000:00:02.0 modesetting\n", "",
		NULL},
	{"sync session, slot unknown", {INTEL, NVIDIA}, 0, "nvidia", "", {X11},
		"server xorg\nscreen - NVIDIA-0\n", "", NULL},
	{"only NVIDIA", {NVIDIA}, 0, "nvidia", "", {X11}, NULL, "", NULL},
	/* Several of them. */
	{"twins by provider", {INTEL, NVIDIA, NVIDIA2}, 0, "0000:02:00.0", "", {X11},
		"server xorg\nscreen 0000:00:02.0 modesetting\ngpu 0000:01:00.0 NVIDIA-G0\n"
		"gpu 0000:02:00.0 NVIDIA-G1\n",
		OFFLOADED GLX_NVIDIA
		"__NV_PRIME_RENDER_OFFLOAD_PROVIDER=NVIDIA-G1 "
		"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=GPU-22222222"
		"-AAAA-4bbb-8ccc-0123456789ab "
		"DXVK_FILTER_DEVICE_UUID=22222222aaaa4bbb8ccc0123456789ab ",
		"Vulkan cannot be told"},
	{"twins, providers unknown", {INTEL, NVIDIA, NVIDIA2}, 0, "nvidia:0", "", {WAYLAND}, NULL,
		OFFLOADED GLX_NVIDIA
		"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=GPU-11111111-aaaa-4bbb-8ccc-"
		"0123456789ab DXVK_FILTER_DEVICE_UUID=11111111aaaa4bbb8ccc0123456789ab ",
		"GLX, EGL and Vulkan cannot be told"},
	{"different ones, no UUID", {INTEL, NVIDIA, NVIDIA3}, 0, "10de:2204", "", {0}, NULL,
		OFFLOADED "CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=1 "
			  "VK_LOADER_DEVICE_SELECT=10de:2204 MESA_VK_DEVICE_SELECT=10de:2204 ",
		NULL},
	{"server without a display", {NVIDIA, NVIDIA2}, BOOT_NONE, "nvidia:1", "", {0}, NULL,
		"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=GPU-22222222-AAAA-4bbb-8ccc-"
		"0123456789ab DXVK_FILTER_DEVICE_UUID=22222222aaaa4bbb8ccc0123456789ab ",
		"Vulkan cannot be told"},
	{"any of two twins", {NVIDIA, NVIDIA2}, BOOT_NONE, "auto", "", {0}, NULL,
		"DXVK_FILTER_DEVICE_UUID=11111111aaaa4bbb8ccc0123456789ab ", NULL},
	{"any of two twins, by maker", {NVIDIA, NVIDIA2}, BOOT_NONE, "nvidia", "",
		{"CUDA_VISIBLE_DEVICES="}, NULL,
		"-CUDA_VISIBLE_DEVICES "
		"DXVK_FILTER_DEVICE_UUID=11111111aaaa4bbb8ccc0123456789ab ",
		NULL},
	{"any of two different ones", {NVIDIA2, NVIDIA3}, BOOT_NONE, "auto", "", {0}, NULL,
		"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=GPU-22222222-AAAA-4bbb-8ccc-"
		"0123456789ab DXVK_FILTER_DEVICE_UUID=22222222aaaa4bbb8ccc0123456789ab "
		"VK_LOADER_DEVICE_SELECT=10de:25a2 MESA_VK_DEVICE_SELECT=10de:25a2 ",
		NULL},
	{"an allocation stays where no GPU is named", {NVIDIA2, NVIDIA3}, BOOT_NONE, "discrete", "",
		{"CUDA_VISIBLE_DEVICES=1"}, NULL,
		"DXVK_FILTER_DEVICE_UUID=22222222aaaa4bbb8ccc0123456789ab "
		"VK_LOADER_DEVICE_SELECT=10de:25a2 MESA_VK_DEVICE_SELECT=10de:25a2 ",
		NULL},
	{"a GPU that is named beats an allocation", {NVIDIA, NVIDIA3}, BOOT_NONE, "10de:2204", "",
		{"CUDA_VISIBLE_DEVICES=0"}, NULL,
		"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=1 "
		"VK_LOADER_DEVICE_SELECT=10de:2204 MESA_VK_DEVICE_SELECT=10de:2204 ",
		NULL},
	/* Mesa's drivers. */
	{"stay asleep", {INTEL, NVIDIA}, 0, "integrated", "", {X11}, NULL, ASLEEP, NULL},
	{"stay asleep, session pins", {INTEL, NVIDIA}, 0, "integrated", "",
		{WAYLAND, "LIBVA_DRIVER_NAME=nvidia", "GBM_BACKEND=nvidia-drm",
			"__GLX_VENDOR_LIBRARY_NAME=nvidia"},
		NULL, "-GBM_BACKEND -LIBVA_DRIVER_NAME " ASLEEP, NULL},
	{"stay asleep, own values stay", {INTEL, NVIDIA}, 0, "integrated", "",
		{"LIBVA_DRIVER_NAME=iHD", "GBM_BACKEND=dri", "VK_DRIVER_FILES=/x/intel_icd.json"},
		NULL, ASLEEP, NULL},
	{"integrated on NVIDIA's screen", {INTEL, NVIDIA}, 1, "integrated", "", {X11}, NULL,
		"DRI_PRIME=pci-0000_00_02_0 VK_LOADER_DRIVERS_DISABLE=*nvidia* "
		"CUDA_VISIBLE_DEVICES= OCL_ICD_VENDORS=/other.icd ",
		"GLX and EGL stay on"},
	{"integrated in Xvfb beside NVIDIA's screen", {INTEL, NVIDIA}, 1, "integrated", "", {X11},
		"server other\n", "DRI_PRIME=pci-0000_00_02_0 " ASLEEP, NULL},
	{"integrated beside NVIDIA's Wayland", {INTEL, NVIDIA}, 1, "integrated", "", {WAYLAND},
		NULL, "DRI_PRIME=pci-0000_00_02_0 " ASLEEP, NULL},
	{"AMD beside AMD", {APU, AMD}, 0, "discrete", "", {X11}, NULL,
		"DRI_PRIME=pci-0000_0a_00_0 ", NULL},
	{"APU beside AMD", {APU, AMD}, 0, "integrated", "", {X11}, NULL,
		"DRI_PRIME=pci-0000_06_00_0 MESA_VK_DEVICE_SELECT=1002:1638! ", NULL},
	{"AMD beside NVIDIA", {AMD, NVIDIA}, 0, "amd", "", {WAYLAND}, NULL, ASLEEP_DISCRETE, NULL},
	{"nouveau", {INTEL, NOUVEAU}, 0, "nvidia", "", {X11, "DRI_PRIME=1"}, NULL,
		"DRI_PRIME=pci-0000_01_00_0 ", NULL},
	{"software", {INTEL, NVIDIA}, 0, "software", "", {X11}, NULL,
		"LIBGL_ALWAYS_SOFTWARE=1 __GLX_VENDOR_LIBRARY_NAME=mesa "
		"__EGL_VENDOR_LIBRARY_FILENAMES=/mesa.json VK_LOADER_DRIVERS_SELECT=*lvp* "
		"VK_LOADER_DRIVERS_DISABLE=* CUDA_VISIBLE_DEVICES= OCL_ICD_VENDORS=/other.icd ",
		NULL},
	/* Nothing to choose. */
	{"auto on one GPU", {INTEL}, 0, "auto", "", {X11, "DRI_PRIME=1"}, NULL, "", NULL},
	{"auto beside a GPU that only shows", {BOARD, NVIDIA}, 0, "auto", "", {X11}, NULL,
		OFFLOADED GLX_NVIDIA, NULL},
	{"auto beside a GPU that shows nothing", {BOARD, NVIDIA}, 1, "auto", "", {X11}, NULL, "",
		NULL},
	{"auto beside a GPU in a virtual machine", {VFIO, AMD}, 0, "auto", "", {X11}, NULL, "",
		NULL},
	{"none", {INTEL, NVIDIA}, 0, "none", "", {X11, "DRI_PRIME=1"}, NULL, "", NULL},
	{"no GPU", {{0}}, BOOT_NONE, "auto", "", {X11}, NULL, "", NULL},
	{"fallback clears", {INTEL, VFIO}, 0, "nvidia", "",
		{X11, "DRI_PRIME=1", "__NV_PRIME_RENDER_OFFLOAD=1",
			"__GLX_VENDOR_LIBRARY_NAME=nvidia", "VK_LOADER_DRIVERS_SELECT=*nvidia*"},
		NULL,
		"-DRI_PRIME -VK_LOADER_DRIVERS_SELECT -__GLX_VENDOR_LIBRARY_NAME "
		"-__NV_PRIME_RENDER_OFFLOAD ",
		NULL},
	/* Inherited variables. */
	{"old choices go", {INTEL, NVIDIA}, 0, "nvidia", "",
		{X11, "DRI_PRIME=pci-0000_00_02_0", "VK_LOADER_DRIVERS_DISABLE=*nvidia*",
			"DISABLE_LAYER_NV_OPTIMUS_1=", "__GLX_FORCE_VENDOR_LIBRARY_0=mesa",
			"__EGL_VENDOR_LIBRARY_FILENAMES=/x/50_mesa.json"},
		NULL,
		"-DISABLE_LAYER_NV_OPTIMUS_1 -DRI_PRIME -VK_LOADER_DRIVERS_DISABLE "
		"-__EGL_VENDOR_LIBRARY_FILENAMES -__GLX_FORCE_VENDOR_LIBRARY_0 " OFFLOADED
			GLX_NVIDIA,
		NULL},
	{"what is right already is no change", {INTEL, NVIDIA}, 0, "nvidia", "",
		{WAYLAND, "__NV_PRIME_RENDER_OFFLOAD=1", "__GLX_VENDOR_LIBRARY_NAME=nvidia",
			"__VK_LAYER_NV_optimus=NVIDIA_only"},
		NULL, "", NULL},
	{"hidden CUDA comes back", {INTEL, NVIDIA}, 0, "nvidia", "", {"CUDA_VISIBLE_DEVICES="},
		NULL, "-CUDA_VISIBLE_DEVICES " OFFLOADED, NULL},
	{"Slurm's allocation stays", {NVIDIA, NVIDIA3}, BOOT_NONE, "nvidia:1", "",
		{"CUDA_VISIBLE_DEVICES=0", "SLURM_JOB_ID=7"}, NULL,
		"VK_LOADER_DEVICE_SELECT=10de:2204 "
		"MESA_VK_DEVICE_SELECT=10de:2204 ",
		NULL},
	/* Rules about one API. */
	{"keep", {INTEL, NVIDIA}, 0, "nvidia", "glx = keep\nvulkan = keep\negl = keep\n",
		{WAYLAND, "DRI_PRIME=1", "__GLX_VENDOR_LIBRARY_NAME=mesa"}, NULL, "", NULL},
	{"off", {INTEL, NVIDIA}, 0, "nvidia",
		"glx = off\negl = off\nvulkan = off\nvaapi = off\nvdpau = off\ncuda = off\n"
		"opencl = off\ngbm = off\n",
		{WAYLAND}, NULL,
		"__EGL_VENDOR_LIBRARY_FILENAMES= VK_LOADER_DRIVERS_DISABLE=* "
		"LIBVA_DRIVER_NAME=none "
		"VDPAU_DRIVER=none CUDA_VISIBLE_DEVICES= OCL_ICD_VENDORS=/nonexistent ",
		"glx cannot be switched off"},
	{"explicit", {INTEL, NVIDIA}, 0, "integrated",
		"glx = foo\negl = nvidia\nvulkan = intel\ngbm = dri\nvaapi = iHD\nvdpau = va_gl\n"
		"cuda = nvidia\nopencl = mesa\n",
		{WAYLAND}, NULL,
		"__GLX_VENDOR_LIBRARY_NAME=foo __EGL_VENDOR_LIBRARY_FILENAMES=/nvidia.json "
		"VK_LOADER_DRIVERS_SELECT=*intel* VK_LOADER_DRIVERS_DISABLE=* GBM_BACKEND=dri "
		"LIBVA_DRIVER_NAME=iHD VDPAU_DRIVER=va_gl CUDA_DEVICE_ORDER=PCI_BUS_ID "
		"CUDA_VISIBLE_DEVICES=GPU-11111111-aaaa-4bbb-8ccc-0123456789ab "
		"OCL_ICD_VENDORS=/etc/OpenCL/vendors/mesa.icd ",
		NULL},
	{"explicit files and ids", {INTEL, NVIDIA}, 0, "none",
		"egl = /a.json\nvulkan = 10de:25a2\ncuda = 0,1\nopencl = /b.icd\n", {WAYLAND}, NULL,
		"__EGL_VENDOR_LIBRARY_FILENAMES=/a.json VK_LOADER_DEVICE_SELECT=10de:25a2 "
		"MESA_VK_DEVICE_SELECT=10de:25a2 CUDA_DEVICE_ORDER=PCI_BUS_ID "
		"CUDA_VISIBLE_DEVICES=0,1 OCL_ICD_VENDORS=/b.icd ",
		NULL},
	{"explicit role", {INTEL, NVIDIA}, 0, "none", "vulkan = discrete\n", {WAYLAND}, NULL,
		"VK_LOADER_DEVICE_SELECT=10de:25a2 MESA_VK_DEVICE_SELECT=10de:25a2 ", NULL},
	{"explicit role that is not there", {INTEL}, 0, "none", "vulkan = external\n", {WAYLAND},
		NULL, "", "there is no GPU 'external'"},
	{"software without Mesa's file", {INTEL}, 0, "software", "vulkan = keep\n", {0}, NULL,
		"LIBGL_ALWAYS_SOFTWARE=1 __GLX_VENDOR_LIBRARY_NAME=mesa CUDA_VISIBLE_DEVICES= ",
		NULL, &bare},
	{"software without Mesa's file beside NVIDIA", {NVIDIA}, 0, "software", "vulkan = keep\n",
		{0}, NULL,
		"LIBGL_ALWAYS_SOFTWARE=1 __GLX_VENDOR_LIBRARY_NAME=mesa CUDA_VISIBLE_DEVICES= ",
		"EGL may use", &bare},
	{"glx = nvidia is no licence to kill", {INTEL, NVIDIA}, 0, "none", "glx = nvidia\n", {X11},
		"server xorg\nscreen - modesetting\n", "", "glx = nvidia is not obeyed"},
	{"cuda on another maker's", {INTEL, NVIDIA}, 0, "none", "cuda = intel\n", {0}, NULL, "",
		"CUDA needs a GPU of NVIDIA's driver"},
	/* Rules' own variables. */
	{"variables", {INTEL}, 0, "auto",
		"set.A = 1\ndefault.B = 2\ndefault.C = 3\nprepend.P = x\nappend.P = z\nunset = U, "
		"V\n"
		"append.Q = q\nprepend.R = r\n",
		{"B=b", "P=y", "U=", "R="}, NULL, "A=1 C=3 P=x:y:z -U Q=q R=r ", NULL},
	{"a rule beats the default", {INTEL, NVIDIA}, 0, "nvidia",
		"unset = __VK_LAYER_NV_optimus\nset.__NV_PRIME_RENDER_OFFLOAD = 0\n"
		"default.__GLX_VENDOR_LIBRARY_NAME = mesa\n",
		{WAYLAND}, NULL, "__NV_PRIME_RENDER_OFFLOAD=0 " GLX_NVIDIA, NULL},
};

static bool holds(void *context, enum rule_condition condition, const char *value)
{
	(void)context;
	(void)condition;
	(void)value;
	return true;
}

static const char *variable(void *context, const char *name)
{
	(void)context;
	(void)name;
	return NULL;
}

static const struct rule_world world = {holds, variable, NULL};

static void read_settings(const struct plan_case *one, struct rule_settings *settings)
{
	static const struct rule_subject subject = {.name = "x"};
	const char *text = arena_printf(arena, "[x]\n%s", one->rules);
	struct rule_reader reader;

	rule_reader_init(&reader, arena, rule_keys, &subject);
	rule_begin(&reader, "t");
	rule_read(&reader, text, strlen(text), true);
	rule_resolve(&reader, &world, settings, NULL);
	check(!reader.mistake_count);
}

static const char *changes_of(const struct offload_result *result)
{
	const char *text = "";

	for (size_t i = 0; i < result->count; i++) {
		const struct offload_change *change = &result->changes[i];

		text = arena_printf(arena, "%s%s%s%s%s ", text, change->unset ? "-" : "",
			change->name, change->unset ? "" : "=", change->unset ? "" : change->value);
		check(change->from && *change->from);
	}
	return text;
}

static void run_case(const struct plan_case *one, struct offload_result *result)
{
	struct rule_settings settings;
	struct rule_selector selector;
	struct offload_choice choice;
	struct offload_session session;
	struct offload_input input = {
		.settings = &settings, .choice = &choice, .session = &session};
	struct hw_gpu *gpus[3], *copies = arena_alloc(arena, 3 * sizeof(*copies));
	size_t count = 0;

	for (; count < 3 && one->gpus[count].slot; count++) {
		copies[count] = one->gpus[count];
		copies[count].boot = (int)count == one->boot;
		gpus[count] = &copies[count];
	}
	read_settings(one, &settings);
	check_text(rule_selector_parse(arena, one->gpu, &selector), NULL);
	offload_choose(arena, gpus, count, &selector, &choice);
	input.environment = (char *const *)one->environment;
	offload_session_guess(arena, input.environment, &session);
	if (one->session)
		check(offload_session_parse(arena,
			arena_printf(arena, "nv-run-session 1\nsocket 1 2 3.000000004\n%s",
				one->session),
			&(struct display_socket){1, 2, 3, 4}, &session));
	input.gpus = gpus;
	input.count = count;
	input.stack = one->stack ? one->stack : &full;
	input.nvidia_major = one->driver;
	offload_plan(arena, &input, result);
}

static void every_choice_becomes_the_right_variables(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct plan_case *one = &cases[i];
		struct offload_result result;
		bool warned;

		printf("# %s\n", one->name);
		run_case(one, &result);
		check_text(changes_of(&result), one->changes);
		warned = result.warning_count && one->warning &&
			 strstr(result.warnings[0], one->warning);
		for (size_t j = 0; j < result.warning_count && !warned; j++)
			printf("# %s\n", result.warnings[j]);
		check(one->warning ? warned : !result.warning_count);
	}
}

/* Whatever the inherited values, what a plan leads to needs no further change. */
static void planning_again_changes_nothing(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan_case again = cases[i];
		struct offload_result result;
		size_t count = 0;
		const char *environment[24] = {0};

		/* Colon lists grow each time, as they must. */
		if (strstr(again.rules, "pend."))
			continue;
		run_case(&again, &result);
		for (size_t j = 0; again.environment[j]; j++) {
			bool changed = false;

			for (size_t k = 0; k < result.count; k++) {
				size_t length = strlen(result.changes[k].name);

				changed |= strncmp(again.environment[j], result.changes[k].name,
						   length) == 0 &&
					   again.environment[j][length] == '=';
			}
			if (!changed)
				environment[count++] = again.environment[j];
		}
		for (size_t k = 0; k < result.count; k++) {
			if (!result.changes[k].unset)
				environment[count++] = arena_printf(arena, "%s=%s",
					result.changes[k].name, result.changes[k].value);
		}
		check(count < sizeof(again.environment) / sizeof(*again.environment));
		memcpy(again.environment, environment, sizeof(again.environment));
		printf("# %s\n", again.name);
		run_case(&again, &result);
		check_text(changes_of(&result), "");
	}
}

struct choose_case {
	struct hw_gpu gpus[3];
	int boot;
	const char *selector, *slot, *problem;
};

static const struct choose_case choices[] = {
	{{INTEL, NVIDIA, NVIDIA2}, 0, "nvidia", "0000:01:00.0", NULL},
	{{INTEL, NVIDIA, NVIDIA2}, 2, "nvidia", "0000:02:00.0", NULL},
	{{INTEL, NVIDIA, NVIDIA2}, 2, "nvidia:0", "0000:01:00.0", NULL},
	{{INTEL, NVIDIA, NVIDIA2}, 0, "nvidia:1", "0000:02:00.0", NULL},
	{{INTEL, NVIDIA, NVIDIA2}, 0, "nvidia:2", NULL, "there is no GPU 'nvidia:2'"},
	{{INTEL, VFIO, NVIDIA2}, 0, "nvidia", "0000:02:00.0", NULL},
	{{INTEL, VFIO, NVIDIA2}, 0, "nvidia:0", NULL, "bound to vfio-pci"},
	{{INTEL, VFIO, NVIDIA2}, 0, "nvidia:1", "0000:02:00.0", NULL},
	{{INTEL, VFIO}, 0, "auto", NULL, "bound to vfio-pci"},
	{{INTEL, VFIO}, 0, "01:00.0", NULL, "bound to vfio-pci"},
	{{INTEL, NVIDIA}, 0, "amd", NULL, "there is no GPU 'amd'"},
	{{INTEL, NVIDIA}, 0, "boot", "0000:00:02.0", NULL},
	{{INTEL, NVIDIA}, 0, "10de:25a2", "0000:01:00.0", NULL},
	{{INTEL, NVIDIA}, 0, "uuid=gpu-1111", "0000:01:00.0", NULL},
	{{INTEL, NVIDIA}, 0, "uuid=GPU-9", NULL, "there is no GPU 'GPU-9'"},
	{{INTEL, AMD}, 0, "0000:0A:00.0", "0000:0a:00.0", NULL},
	{{INTEL}, 0, "auto", "0000:00:02.0", NULL},
	{{INTEL}, 0, "discrete", NULL, "there is no GPU 'discrete'"},
	{{APU, AMD}, 1, "auto", "0000:0a:00.0", NULL},
};

static void selectors_find_their_gpu_or_say_why_not(void)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		const struct choose_case *one = &choices[i];
		struct hw_gpu *gpus[3], copies[3];
		struct rule_selector selector;
		struct offload_choice choice;
		size_t count = 0;

		for (; count < 3 && one->gpus[count].slot; count++) {
			copies[count] = one->gpus[count];
			copies[count].boot = (int)count == one->boot;
			gpus[count] = &copies[count];
		}
		printf("# %s\n", one->selector);
		check_text(rule_selector_parse(arena, one->selector, &selector), NULL);
		offload_choose(arena, gpus, count, &selector, &choice);
		check_text(choice.gpu ? choice.gpu->slot : NULL, one->slot);
		check(one->problem ? choice.problem && strstr(choice.problem, one->problem)
				   : !choice.problem);
		check(offload_present(gpus, count, &selector) ==
			(one->slot || strstr(one->problem, "vfio")));
	}
}

static void an_external_gpu_is_the_discrete_one_where_there_is_no_other(void)
{
	struct hw_gpu intel = INTEL, box = NVIDIA3, card = AMD, *gpus[] = {&intel, &box, &card};
	struct rule_selector selector;
	struct offload_choice choice;

	box.role = HW_EXTERNAL;
	rule_selector_parse(arena, "discrete", &selector);
	offload_choose(arena, gpus, 2, &selector, &choice);
	check(choice.gpu == &box);
	offload_choose(arena, gpus, 3, &selector, &choice);
	check(choice.gpu == &card);
	rule_selector_parse(arena, "external", &selector);
	offload_choose(arena, gpus, 3, &selector, &choice);
	check(choice.gpu == &box);
}

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

TAP_MAIN(TEST(every_choice_becomes_the_right_variables), TEST(planning_again_changes_nothing),
	TEST(selectors_find_their_gpu_or_say_why_not),
	TEST(an_external_gpu_is_the_discrete_one_where_there_is_no_other))
