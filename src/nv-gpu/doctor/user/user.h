/* SPDX-License-Identifier: MIT */
/*
 * user: the checks of the drivers' user side: what loaders find, and which variables mislead them.
 *
 * family.c     which drivers' user sides the GPUs need; what a name or value is about
 * manifest.c   JSON files of loaders
 * packages.c   what brings a missing part, by distribution
 * homes.c      whose files are looked at
 * settings.c   variables that are set for whole sessions: by which file and line
 * syntax.c     the same: how each kind of file sets variables
 * manager.c    the same: what systemd's user manager holds
 *
 * judge.c      what a variable does on this machine
 * judge-lists.c
 *              the same of those that list files, devices or filters
 *
 * glvnd.c vulkan.c layers.c gbm.c video.c opencl.c cuda.c containers.c variables.c
 *              the checks
 */
#ifndef NV_GPU_USER_H
#define NV_GPU_USER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "hw/loader.h"
#include "nv-gpu/doctor/doctor.h"

/* A driver's user side, as a bit. */
enum family {
	FAMILY_NVIDIA = 1, /* NVIDIA's own */
	FAMILY_INTEL = 2,
	FAMILY_AMD = 4,
	FAMILY_NOUVEAU = 8,
	FAMILY_OTHER = 16, /* other GPUs that Mesa draws with */
	FAMILY_CPU = 32, /* drawing without a GPU */
	FAMILY_MESA = FAMILY_INTEL | FAMILY_AMD | FAMILY_NOUVEAU | FAMILY_OTHER,
};

/* Of the GPU's kernel driver; 0 if nothing draws on it (vfio-pci, a board's own display). */
unsigned family_of(const struct hw_gpu *gpu);

/* Of all GPUs here. */
unsigned family_here(const struct doctor *doctor);

/* Of the GPU that shows the boot; of all there are if that is not known. */
unsigned family_desktop(const struct doctor *doctor);

/* What a driver's name, or the name of one of its files, is about; 0 if that is not known. */
unsigned family_named(const char *name);

/* "NVIDIA, Intel". */
const char *family_names(struct doctor *doctor, unsigned families);

/* The first GPU of a family; NULL. */
struct hw_gpu *family_gpu(const struct doctor *doctor, unsigned families);

/*
 * Whether NVIDIA's user side was meant to be for computing alone: there is neither GLX nor
 * EGL, and no GPU of NVIDIA's that is there to draw: in a laptop without CUDA's library, with
 * the boot display without it, with a monitor at one of its connectors.
 */
bool family_compute_only(const struct hw_loader *loader);

/* The version at the end of a library's file name, "550.163.01"; NULL if there is none. */
const char *library_version(const char *file);

/* A regular file's text of at most 1 MiB, all bytes; NULL with errno set. Opens nothing else. */
char *user_text(struct doctor *doctor, const char *path, size_t *length);

/* A loader's JSON file, an object; NULL, and *wrong says why: "x.json:3:4: ...". Given back with
 * json_decref. */
json_t *manifest_read(struct doctor *doctor, const char *path, const char **wrong);

/* A text in an object in the arena, with "" for none: manifest_string(json, "ICD", "name"). */
const char *manifest_string(
	struct doctor *doctor, const json_t *json, const char *object, const char *name);

/* The files of a suffix in directories, as paths; directories ends with NULL. */
const char **manifest_files(
	struct doctor *doctor, const char *const *directories, const char *suffix, size_t *count);

/* A driver's manifest for the Vulkan loader. */
struct icd {
	const char *path;
	const char *wrong; /* what is wrong with the file itself, NULL if nothing */
	const char *library; /* as it says */
	struct hw_object object; /* .path is NULL if there is no such library */
	int bits; /* 64, 32, 0 if it does not say */
	unsigned families;
};

/* vulkan.c: all that the Vulkan loader would read without variables. */
struct icd *vulkan_drivers(struct doctor *doctor, const struct hw_loader *loader, size_t *count);

/* vulkan.c: directories of "icd.d" or "implicit_layer.d", ending with NULL. */
const char **vulkan_directories(struct doctor *doctor, const char *folder);

/* layers.c: whether a list of VK_LOADER_LAYERS_DISABLE has NVIDIA's layer for render offload. */
bool vulkan_disables_layer(struct doctor *doctor, const char *list);

/* A variable that a whole session has, to be judged. */
struct judging {
	struct doctor *doctor;
	const struct hw_loader *loader;
	const struct setting *setting;
	unsigned here, desktop; /* families */
	enum verdict verdict; /* the judgement: ok, note or problem */
	const char *why; /* what it does here; NULL: what the table says */
	bool more; /* what the table says is true too */
};

/* judge.c: what a kind of variable does on this machine. */
void judge_driver(struct judging *judging);
void judge_gbm(struct judging *judging);
void judge_vaapi(struct judging *judging);
void judge_override(struct judging *judging);
void judge_offload(struct judging *judging);
void judge_nvidia_offload(struct judging *judging);
void judge_mesa_select(struct judging *judging);
void judge_software(struct judging *judging);
void judge_always(struct judging *judging); /* worth knowing where there are several GPUs */
/* judge-lists.c */
void judge_files(struct judging *judging);
void judge_egl_files(struct judging *judging);
void judge_directories(struct judging *judging);
void judge_filter(struct judging *judging);
void judge_layers(struct judging *judging);
void judge_layer(struct judging *judging);
void judge_cards(struct judging *judging);
void judge_cuda(struct judging *judging);
void judge_nvd(struct judging *judging);

/* How many GPUs programs can draw on. */
size_t judge_gpus(const struct judging *judging);

/* Something that a package brings. */
enum part {
	PART_NVIDIA_GL,
	PART_NVIDIA_GL_32,
	PART_NVIDIA_VULKAN,
	PART_NVIDIA_WAYLAND,
	PART_NVIDIA_GBM,
	PART_NVIDIA_VIDEO,
	PART_NVIDIA_CUDA,
	PART_NVIDIA_OPENCL,
	PART_NVIDIA_MODPROBE,
	PART_CONTAINERS,
	PART_MESA_EGL,
	PART_MESA_GLX,
	PART_INTEL_VULKAN,
	PART_AMD_VULKAN,
	PART_INTEL_VIDEO,
	PART_AMD_VIDEO,
};

/* The command that installs it, as this distribution has it. */
const char *packages_for(struct doctor *doctor, enum part part);

/*
 * Directories of users whose files count: one's own; for root and in a recording, those of all
 * people. NULL-ended.
 */
struct home {
	const char *path;
	bool own; /* nobody else can put something else in the place of its files */
};
struct home *homes_read(struct doctor *doctor, size_t *count);

/* How a file sets variables. */
enum syntax {
	SYNTAX_ENVIRONMENT, /* NAME=value: /etc/environment, environment.d(5) */
	SYNTAX_PAM, /* NAME DEFAULT=value OVERRIDE=value: pam_env.conf(5) */
	SYNTAX_SHELL,
	SYNTAX_HYPRLAND, /* env = NAME,value */
	SYNTAX_SYSTEMD, /* Environment="NAME=value" */
	SYNTAX_NONE, /* not a file: what is set now */
};

struct setting {
	const char *name, *value;
	const char *file; /* NULL: what runs now, and where says what that is */
	const char *where; /* "/etc/environment:3", "the user manager" */
	const char *text; /* the whole file */
	size_t begin, length; /* of the line in it */
	unsigned line;
	enum syntax syntax;
	bool alone; /* the line does nothing else: it can be taken out */
	bool own; /* the file is in no directory that others write */
	bool out; /* its line is taken out by a change */
};

struct settings {
	struct doctor *doctor;
	struct setting *list;
	size_t count;
	const char **unreadable; /* files that may not be read */
	size_t unreadable_count;
	const char **read; /* files read, links followed */
	size_t read_count;
};

/* What files set, in the order of who reads them. With now: also the user manager and one's own
 * environment, but not of a recording. */
void settings_read(struct doctor *doctor, struct settings *settings, bool now);

/* syntax.c: adds what a file sets; file is filled in of all but name, value, line and alone. */
void syntax_read(struct settings *settings, const struct setting *file, size_t length);

/* manager.c: adds what systemd's user manager gives to what it starts. */
void manager_read(struct settings *settings);

/* variables.c: whether a check asks for a variable; no others are kept. */
bool settings_matter(const char *name);

/* The last setting of a name; NULL. */
const struct setting *settings_find(const struct settings *settings, const char *name);

/* The value of a variable of this process, NULL in a recording. */
const char *settings_own(const struct doctor *doctor, const char *name);

/* Adds to a finding the change that takes a setting's line out: a remark that can be read is left
 * there. Each change of a file has those before it too. */
void settings_take_out(struct settings *settings, struct finding *finding, struct setting *setting);

#endif
