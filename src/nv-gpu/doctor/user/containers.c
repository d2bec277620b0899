/* SPDX-License-Identifier: MIT */
/*
 * containers: specifications of the Container Device Interface (CDI), which name files of the
 * driver, and Docker's runtime for NVIDIA.
 *
 * They are JSON or YAML, written by programs, a key and its value on a line at most. So they are
 * looked through for keys, in quotes or not, whatever the format.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

/* Those of a later directory win (CDI's SPEC, "Spec directories"). */
static const char *const directories[] = {"/etc/cdi", "/var/run/cdi", "/run/cdi"};

enum { DIRECTORIES = sizeof(directories) / sizeof(*directories), NAMES = 256, VALUE = 4096 };

struct spec {
	const char *path;
	size_t directory;
	const char *kind;
	const char **devices;
	size_t device_count;
	const char **missing; /* files that are not there */
	size_t missing_count;
	bool read, host_nodes; /* hostPath names devices */
	bool no_nodes; /* what is looked at is without devices, as a recording may be */
};

/* A plain, single- or double-quoted value without its escapes; NULL if it is none to look at. */
static const char *scalar(struct arena *arena, const char *at)
{
	size_t length;

	at += strspn(at, " \t");
	if (*at == '"' || *at == '\'') {
		length = strcspn(at + 1, *at == '"' ? "\"\n" : "'\n");
		at++;
	} else {
		length = strcspn(at, ",}]\r\n");
		/* " #" begins a remark. */
		for (size_t i = 0; i + 1 < length; i++) {
			if (at[i] == ' ' && at[i + 1] == '#')
				length = i;
		}
		while (length && isspace((unsigned char)at[length - 1]))
			length--;
	}
	return length && length < VALUE ? arena_copy(arena, at, length) : NULL;
}

/* Behind "KEY:" or "\"KEY\" :" at a place of the text; NULL if it is not there. */
static const char *behind_key(const char *text, const char *at, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(at, key, length) != 0 || (at > text && !strchr(" \t\n\"'{,-", at[-1])))
		return NULL;
	at += length;
	at += *at == '"' || *at == '\'';
	at += strspn(at, " \t");
	return *at == ':' ? at + 1 : NULL;
}

static void note_missing(struct doctor *doctor, struct spec *spec, const char *path)
{
	const struct hw_root *root = &doctor->run->hw.root;
	bool node = hw_is_node(path);

	if (*path != '/' || spec->missing_count == NAMES || (node && spec->no_nodes) ||
		(node ? hw_node_exists(root, path) : hw_root_exists(root, path)))
		return;
	for (size_t i = 0; i < spec->missing_count; i++) {
		if (str_eq(spec->missing[i], path))
			return;
	}
	*arena_push(doctor->run->arena, spec->missing, spec->missing_count) = path;
}

/* The next value of a key, from *at on; NULL at the end. */
static const char *next_value(
	struct arena *arena, const char *text, const char **at, const char *key)
{
	while ((*at = strstr(*at, key))) {
		const char *behind = behind_key(text, *at, key);
		const char *value = behind ? scalar(arena, behind) : NULL;

		*at += strlen(key);
		if (value)
			return value;
	}
	return NULL;
}

/*
 * Files of the host are "hostPath", and "path" of hooks and of device nodes without a hostPath;
 * with one, a node's path is the container's.
 */
static void read_spec(struct doctor *doctor, struct spec *spec)
{
	struct arena *arena = doctor->run->arena;
	size_t length;
	const char *text = user_text(doctor, spec->path, &length), *at, *value;

	struct hw_uvm uvm;

	if (!text)
		return;
	hw_uvm_look(&doctor->run->hw, &uvm);
	spec->no_nodes = !uvm.nodes;
	spec->read = true;
	at = text;
	spec->kind = next_value(arena, text, &at, "kind");
	for (at = text; (value = next_value(arena, text, &at, "hostPath"));) {
		spec->host_nodes |= strstr(value, "/dev/") != NULL;
		note_missing(doctor, spec, value);
	}
	for (at = text; (value = next_value(arena, text, &at, "path"));) {
		if (!spec->host_nodes || !hw_is_node(value))
			note_missing(doctor, spec, value);
	}
	for (at = text;
		spec->device_count < NAMES && (value = next_value(arena, text, &at, "name"));)
		*arena_push(arena, spec->devices, spec->device_count) = value;
}

/* The driver's version in a path of its files, "550.54.14"; NULL. */
static const char *version_in(struct arena *arena, const char *path)
{
	for (const char *at = path; (at = strpbrk(at, "0123456789"));) {
		size_t length = strspn(at, "0123456789.");

		while (length && at[length - 1] == '.')
			length--;
		/* Three digits and a dot: no other part of such a path has them. */
		if (length > 4 && strspn(at, "0123456789") == 3 && at[3] == '.')
			return arena_copy(arena, at, length);
		at += length ? length : 1;
	}
	return NULL;
}

static void stale(struct doctor *doctor, const struct spec *spec)
{
	struct arena *arena = doctor->run->arena;
	const char *loaded = hw_nvidia_version(&doctor->run->hw), *version = NULL;
	const char *path = gpu_plain(doctor->run, spec->missing[0]), *what;
	bool nvidia = spec->kind && str_eq(spec->kind, "nvidia.com/gpu");

	for (size_t i = 0; i < spec->missing_count && !version; i++)
		version = version_in(arena, spec->missing[i]);
	what = spec->missing_count == 1
		       ? arena_printf(arena, "%s names %s, which is not there", spec->path, path)
		       : arena_printf(arena, "%s names %s and %zu more files, which are not there",
				 spec->path, path, spec->missing_count - 1);
	if (version && loaded && !str_eq(version, loaded))
		what = arena_printf(
			arena, "%s; it is of driver %s, loaded is %s", what, version, loaded);
	doctor_problem(doctor, what,
		"Containers that ask for these devices do not start. Specifications must be "
		"made anew when the driver changes",
		nvidia || str_starts(str_file_name(spec->path), "nvidia")
			? arena_printf(arena, "nvidia-ctk cdi generate --output=%s", spec->path)
			: "have the program that wrote it write it again");
}

static const char *shared_device(const struct spec *a, const struct spec *b)
{
	for (size_t i = 0; i < a->device_count; i++) {
		for (size_t j = 0; j < b->device_count; j++) {
			if (str_eq(a->devices[i], b->devices[j]))
				return a->devices[i];
		}
	}
	return NULL;
}

static void twins(struct doctor *doctor, const struct spec *a, const struct spec *b)
{
	struct arena *arena = doctor->run->arena;
	const char *device;

	if (!a->kind || !b->kind || !str_eq(a->kind, b->kind))
		return;
	device = shared_device(a, b);
	if (!device)
		return;
	device = gpu_plain(doctor->run, arena_printf(arena, "%s=%s", a->kind, device));
	if (a->directory == b->directory)
		doctor_problem(doctor,
			arena_printf(arena, "%s and %s both define %s", a->path, b->path, device),
			"Two in one directory exclude each other: neither can be used",
			arena_printf(arena, "rm %s", a->path));
	else
		doctor_note(doctor,
			arena_printf(arena, "%s and %s both define %s", a->path, b->path, device),
			"The second one counts; the first is of no use and gets out of date",
			arena_printf(arena, "rm %s", a->path));
}

static struct spec *read_specs(struct doctor *doctor, size_t *count)
{
	struct arena *arena = doctor->run->arena;
	struct spec *specs = NULL;

	*count = 0;
	for (size_t i = 0; i < DIRECTORIES; i++) {
		static const char *const suffixes[] = {".json", ".yaml"};

		/* /var/run is a link to /run, but need not be one in a recording. */
		if (i == 2 && hw_root_exists(&doctor->run->hw.root, directories[1]))
			break;
		for (size_t j = 0; j < 2; j++) {
			const char *const here[] = {directories[i], NULL};
			size_t file_count;
			const char **files = manifest_files(doctor, here, suffixes[j], &file_count);

			for (size_t k = 0; k < file_count && *count < NAMES; k++) {
				struct spec spec = {.path = files[k], .directory = i};

				read_spec(doctor, &spec);
				*arena_push(arena, specs, *count) = spec;
			}
		}
	}
	return specs;
}

/* A program by its path or name; what Docker looks through is its own PATH. */
static bool has_program(struct doctor *doctor, const char *program)
{
	static const char *const bins[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
		"/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin", NULL};
	const struct hw_root *root = &doctor->run->hw.root;

	if (*program == '/')
		return hw_root_exists(root, program);
	for (size_t i = 0; bins[i]; i++) {
		if (hw_root_exists(root, arena_path(root->arena, bins[i], program)))
			return true;
	}
	return false;
}

static void look_at_docker(struct doctor *doctor)
{
	static const char path[] = "/etc/docker/daemon.json";
	struct arena *arena = doctor->run->arena;
	const char *wrong, *program, *usual;
	json_t *json;

	if (!hw_root_exists(&doctor->run->hw.root, path))
		return;
	json = manifest_read(doctor, path, &wrong);
	if (!json) {
		/* Docker reads an empty file as one without settings. */
		size_t length = 1;
		const char *text = user_text(doctor, path, &length);

		if (text && !text[strspn(text, " \t\r\n")])
			return;
		if (text)
			doctor_problem(doctor, wrong, "Docker does not start with it",
				"mend it; 'dockerd --validate' checks it");
		else
			doctor_unknown(doctor, wrong);
		return;
	}
	program = manifest_string(doctor, json_object_get(json, "runtimes"), "nvidia", "path");
	usual = manifest_string(doctor, json, NULL, "default-runtime");
	if (*program && !has_program(doctor, program))
		doctor_problem(doctor,
			arena_printf(arena, "%s has the runtime %s, which is not there", path,
				gpu_plain(doctor->run, program)),
			"Containers with --runtime=nvidia or --gpus do not start",
			packages_for(doctor, PART_CONTAINERS));
	else if (!*program && str_eq(usual, "nvidia"))
		doctor_problem(doctor,
			arena_printf(arena,
				"%s has the default runtime nvidia, and no such runtime", path),
			"No container starts",
			"nvidia-ctk runtime configure --runtime=docker && systemctl restart "
			"docker");
	json_decref(json);
}

void check_containers(struct doctor *doctor)
{
	size_t count, before = doctor->count;
	struct spec *specs = read_specs(doctor, &count);

	for (size_t i = 0; i < count; i++) {
		if (!specs[i].read)
			doctor_unknown(doctor, arena_printf(doctor->run->arena, "%s cannot be read",
						       specs[i].path));
		if (specs[i].missing_count)
			stale(doctor, &specs[i]);
		for (size_t j = i + 1; j < count; j++)
			twins(doctor, &specs[i], &specs[j]);
	}
	look_at_docker(doctor);
	if (doctor->count == before)
		doctor_ok(doctor, count ? arena_printf(doctor->run->arena,
						  "all files that %zu CDI specifications name are "
						  "there",
						  count)
					: "there are no CDI specifications");
}
