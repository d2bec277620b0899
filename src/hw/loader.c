/* SPDX-License-Identifier: MIT */
#include "hw/loader.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/tree.h"

enum { LINKS = 16, CACHE_LIMIT = 16 << 20, FILES = 64, DIRECTORIES = 256 };

/* Of any architecture: a recording may be of another one. bits 0: that depends on the system. */
static const struct {
	const char *path;
	int bits;
} places[] = {
	{"/usr/lib/x86_64-linux-gnu", 64}, /* Debian, Ubuntu */
	{"/usr/lib/aarch64-linux-gnu", 64},
	{"/usr/lib/powerpc64le-linux-gnu", 64},
	{"/usr/lib/i386-linux-gnu", 32},
	{"/usr/lib/arm-linux-gnueabihf", 32},
	{"/usr/lib64", 64}, /* Fedora, openSUSE, Gentoo */
	{"/usr/lib", 0}, /* Arch, Void: 64; Fedora, openSUSE, Gentoo: 32 */
	{"/usr/lib32", 32}, /* Arch, Void */
	{"/run/opengl-driver/lib", 64}, /* NixOS */
	{"/run/opengl-driver-32/lib", 32},
	{"/usr/local/lib64", 64},
	{"/usr/local/lib", 0},
	{"/usr/local/nvidia/lib64", 64}, /* containers */
	{"/usr/local/nvidia/lib", 32},
	{"/usr/lib/wsl/lib", 64},
};

enum { PLACES = sizeof(places) / sizeof(*places) };

/* Without "." and "..": what is in front of those is a directory, links to one being rare here. */
static const char *plain_path(struct arena *arena, const char *path)
{
	char *plain = arena_dup(arena, path), *to = plain;

	while (*path) {
		size_t length = strcspn(path + 1, "/");

		if (length == 2 && !strncmp(path, "/..", 3)) {
			while (to > plain && *--to != '/')
				;
		} else if (length && !(length == 1 && path[1] == '.')) {
			memcpy(to, path, length + 1);
			to += length + 1;
		}
		path += length + 1;
	}
	*to = '\0';
	return to == plain ? "/" : plain;
}

const char *hw_loader_resolve(const struct hw_root *root, const char *path)
{
	for (int i = 0; i < LINKS; i++) {
		const char *target = tree_read_link(root, path);
		const char *slash = strrchr(path, '/');

		if (!target)
			return *path == '/' ? plain_path(root->arena, path) : path;
		path = *target == '/' ? target
				      : arena_printf(root->arena, "%.*s/%s", (int)(slash - path),
						path, target);
	}
	return NULL;
}

static void add_directories(struct hw_loader *loader, const char *text)
{
	struct arena *arena = loader->hw->root.arena;

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		size_t length = strcspn(text, " \t#\r\n");

		if (*text == '/' && length && loader->count < DIRECTORIES)
			*arena_push(arena, loader->directories, loader->count) =
				arena_copy(arena, text, length);
		text = *end ? end + 1 : end;
	}
}

void hw_loader_begin(struct hw_loader *loader, struct hw *hw)
{
	static const char parts[] = "/etc/ld.so.conf.d";
	int fd = hw_root_open(&hw->root, "/etc/ld.so.cache", O_RDONLY);
	struct file_list files;

	*loader = (struct hw_loader){.hw = hw};
	if (fd >= 0) {
		loader->cache =
			file_text_fd(hw->root.arena, fd, CACHE_LIMIT, &loader->cache_length);
		file_done(fd);
	}
	add_directories(loader, hw_root_text(&hw->root, "/etc/ld.so.conf"));
	if (!hw_root_names(&hw->root, parts, &files))
		return;
	for (size_t i = 0; i < files.count && i < FILES; i++) {
		if (str_ends(files.names[i], ".conf"))
			add_directories(loader, hw_root_attr(&hw->root, parts, files.names[i]));
	}
}

/* By its ELF header: 64, 32, or 0 if it is none. */
static int header_bits(const struct hw_root *root, const char *path)
{
	unsigned char header[5];
	struct stat status;
	int bits = 0, fd = hw_root_open(root, path, O_PATH);

	if (fd < 0)
		return 0;
	if (fstat(fd, &status) != 0)
		status.st_mode = 0;
	close(fd);
	/* Only then opened: a link may lead to a device. */
	fd = S_ISREG(status.st_mode) ? hw_root_open(root, path, O_RDONLY) : -1;
	if (fd < 0)
		return 0;
	if (read(fd, header, sizeof(header)) == sizeof(header) && !memcmp(header, "\177ELF", 4))
		bits = header[4] == 1 ? 32 : header[4] == 2 ? 64 : 0;
	close(fd);
	return bits;
}

/* Where /usr/lib64 is a directory of its own, /usr/lib has what is for 32 bits. */
static int shared_bits(const struct hw_root *root)
{
	return hw_root_exists(root, "/usr/lib64") && !hw_root_link(root, "/usr/lib64") ? 32 : 64;
}

static int guess_bits(const struct hw_loader *loader, const char *path)
{
	static const char *const marks[] = {"i386", "i686", "lib32", "-32/", "gnueabi", NULL};
	const struct hw_root *root = &loader->hw->root;
	const char *slash = strrchr(path, '/');
	size_t length = (size_t)(slash - path);

	for (size_t i = 0; i < PLACES; i++) {
		if (strlen(places[i].path) == length && !strncmp(places[i].path, path, length))
			return places[i].bits ? places[i].bits : shared_bits(root);
	}
	for (size_t i = 0; marks[i]; i++) {
		if (strstr(path, marks[i]))
			return 32;
	}
	return 64;
}

/* Whether there is a library of that size at a path; what is dangling is kept for the worst case.
 */
static bool look_at(
	const struct hw_loader *loader, const char *path, int bits, struct hw_object *object)
{
	const struct hw_root *root = &loader->hw->root;
	bool there = hw_root_exists(root, path);
	struct hw_object found = {.path = path};

	if (!there && !tree_read_link(root, path))
		return false;
	found.bits = there ? header_bits(root, path) : 0;
	if (!found.bits)
		found.bits = guess_bits(loader, path);
	if (bits && found.bits != bits)
		return false;
	found.file = hw_loader_resolve(root, path);
	found.dangling = !there;
	if (!found.file)
		found.file = path;
	if (there || !object->path)
		*object = found;
	return there;
}

/* All "/DIRECTORY/NAME" that the index has: its texts end with NUL, and paths are among them. */
static bool look_in_cache(
	const struct hw_loader *loader, const char *name, int bits, struct hw_object *object)
{
	const char *key = arena_printf(loader->hw->root.arena, "/%s", name);
	const char *at = loader->cache, *end = at ? at + loader->cache_length : NULL;
	size_t length = strlen(key) + 1;

	while (at && (at = memmem(at, (size_t)(end - at), key, length))) {
		const char *begin = at;

		while (begin > loader->cache && begin[-1])
			begin--;
		if (*begin == '/' && look_at(loader, begin, bits, object))
			return true;
		at += length;
	}
	return false;
}

bool hw_loader_find(
	const struct hw_loader *loader, const char *name, int bits, struct hw_object *object)
{
	struct arena *arena = loader->hw->root.arena;

	*object = (struct hw_object){0};
	if (look_in_cache(loader, name, bits, object))
		return true;
	for (size_t i = 0; i < PLACES; i++) {
		if (look_at(loader, arena_path(arena, places[i].path, name), bits, object))
			return true;
	}
	for (size_t i = 0; i < loader->count; i++) {
		if (look_at(loader, arena_path(arena, loader->directories[i], name), bits, object))
			return true;
	}
	return object->path;
}

bool hw_loader_find_for(const struct hw_loader *loader, const char *manifest, const char *library,
	int bits, struct hw_object *object)
{
	const char *slash = strrchr(manifest, '/');

	*object = (struct hw_object){0};
	if (!*library)
		return false;
	if (!strchr(library, '/'))
		return hw_loader_find(loader, library, bits, object);
	if (*library != '/')
		library = arena_printf(loader->hw->root.arena, "%.*s/%s", (int)(slash - manifest),
			manifest, library);
	look_at(loader, library, bits, object);
	return object->path;
}

static const char *plugin_in(
	const struct hw_loader *loader, const char *directory, const char *folder, const char *name)
{
	const char *path =
		arena_printf(loader->hw->root.arena, "%s/%s/%s", directory, folder, name);
	const struct hw_root *root = &loader->hw->root;

	return hw_root_exists(root, path) || tree_read_link(root, path) ? path : NULL;
}

const char *hw_loader_plugin(const struct hw_loader *loader, const char *folder, const char *name)
{
	const char *path = NULL;

	for (size_t i = 0; i < PLACES && !path; i++) {
		if ((places[i].bits ? places[i].bits : shared_bits(&loader->hw->root)) == 64)
			path = plugin_in(loader, places[i].path, folder, name);
	}
	for (size_t i = 0; i < loader->count && !path; i++)
		path = plugin_in(loader, loader->directories[i], folder, name);
	return path;
}

bool hw_loader_runs_32_bit(struct hw *hw)
{
	return hw_root_exists(&hw->root, "/lib/ld-linux.so.2") ||
	       hw_root_exists(&hw->root, "/usr/lib/ld-linux.so.2");
}

/* The major of "nvidia-uvm" among the kernel's, 0 if there is none. */
static unsigned uvm_major(struct hw *hw)
{
	const char *text = hw_root_text(&hw->root, HW_CHARACTER_DEVICES);

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		char name[64];
		unsigned major;

		if (sscanf(text, "%u %63s", &major, name) == 2 && str_eq(name, "nvidia-uvm"))
			return major;
		text = *end ? end + 1 : end;
	}
	return 0;
}

/* What a node is, without even a descriptor of it: that is for those who open. */
static bool look_at_node(const struct hw_root *root, const char *path, struct stat *status)
{
	const char *name;
	int parent = tree_open_parent(root, path, &name), answer;

	if (parent < 0)
		return false;
	answer = fstatat(parent, name, status, AT_SYMLINK_NOFOLLOW);
	close(parent);
	return answer == 0;
}

void hw_uvm_look(struct hw *hw, struct hw_uvm *uvm)
{
	struct file_list files;
	struct stat status;

	*uvm = (struct hw_uvm){.path = HW_DEVICES "/nvidia-uvm", .major = uvm_major(hw)};
	if (hw_root_names(&hw->root, HW_DEVICES, &files)) {
		for (size_t i = 0; i < files.count; i++)
			uvm->nodes |= str_starts(files.names[i], "nvidia");
	}
	uvm->there = look_at_node(&hw->root, uvm->path, &status);
	if (uvm->there && S_ISCHR(status.st_mode) && uvm->major)
		uvm->wrong = major(status.st_rdev) != uvm->major;
}

bool hw_node_exists(const struct hw_root *root, const char *path)
{
	struct stat status;

	return look_at_node(root, path, &status);
}

bool hw_is_node(const char *path)
{
	return str_starts(path, HW_DEVICES "/");
}
