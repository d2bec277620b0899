/* SPDX-License-Identifier: MIT */
/* advice: a finding's changes as a person makes them: in a shell, or on NixOS in configuration.nix.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/doctor.h"

/* A file as a shell writes it: one line by echo, more by a document that follows. */
static void advise_file(struct buf *out, const struct change *change)
{
	const char *newline = strchrnul(change->text, '\n');

	if (!*change->text)
		buf_printf(out, ": > %s\n", change->path);
	else if (newline[0] && newline[1])
		buf_printf(out, "cat > %s << 'END'\n%sEND\n", change->path, change->text);
	else {
		buf_puts(out, "echo ");
		str_shell_quote(out, strndupa(change->text, (size_t)(newline - change->text)));
		buf_printf(out, " > %s\n", change->path);
	}
}

/* The directory of what is to be made, where there is none. */
static void advise_directory(struct doctor *doctor, struct buf *out, const struct change *change)
{
	const char *slash = strrchr(change->path, '/');
	const char *directory =
		arena_copy(doctor->run->arena, change->path, (size_t)(slash - change->path));

	if ((change->kind == CHANGE_FILE || change->kind == CHANGE_LINK) && *directory &&
		!hw_root_exists(&doctor->run->hw.root, directory) &&
		!strstr(buf_text(out),
			arena_printf(doctor->run->arena, "mkdir -p %s\n", directory)))
		buf_printf(out, "mkdir -p %s\n", directory);
}

static void advise_shell(struct doctor *doctor, struct buf *out, const struct change *change)
{
	if (change->command) {
		buf_printf(out, "%s\n", change->command);
		return;
	}
	advise_directory(doctor, out, change);
	switch (change->kind) {
	case CHANGE_FILE:
		advise_file(out, change);
		break;
	case CHANGE_LINK:
		buf_printf(out, "ln -sfn %s %s\n", change->text, change->path);
		break;
	case CHANGE_REMOVE:
		buf_printf(out, "rm %s\n", change->path);
		break;
	case CHANGE_ATTRIBUTE:
		buf_printf(out, "echo %s > %s\n", change->text, change->path);
		break;
	}
}

/*
 * What configuration.nix has for a change of /etc: the first that fits counts. check: NULL fits
 * all. The names are those of nixpkgs, nixos/modules/hardware/video/nvidia.nix and others.
 */
#define GRAPHICS "hardware.graphics.enable = true;\nservices.xserver.videoDrivers = [ \"nvidia\" ];"
static const struct {
	const char *check;
	enum change_kind kind;
	const char *directory, *setting; /* a %s in a setting is for the file's text */
} nixos[] = {
	{"drm-modeset", CHANGE_FILE, "/etc/modprobe.d/",
		"hardware.nvidia.modesetting.enable = true;"},
	{"suspend", CHANGE_FILE, "/etc/modprobe.d/",
		"hardware.nvidia.powerManagement.enable = true;\n"
		"boot.extraModprobeConfig = ''\n%s'';"},
	{"suspend", CHANGE_LINK, "/etc/systemd/", "hardware.nvidia.powerManagement.enable = true;"},
	{"persistenced", CHANGE_LINK, "/etc/systemd/",
		"hardware.nvidia.nvidiaPersistenced = true;"},
	{"persistenced", CHANGE_REMOVE, "/etc/systemd/",
		"hardware.nvidia.nvidiaPersistenced = false;"},
	{"powerd", CHANGE_LINK, "/etc/systemd/", "hardware.nvidia.dynamicBoost.enable = true;"},
	{"fabric-manager", CHANGE_LINK, "/etc/systemd/",
		"hardware.nvidia.datacenter.enable = true;"},
	{"egl-vendor", CHANGE_FILE, "/", GRAPHICS},
	{"opencl", CHANGE_FILE, "/", GRAPHICS},
	{"gbm-backend", CHANGE_LINK, "/", GRAPHICS},
	{"cuda", CHANGE_FILE, "/etc/modules-load.d/", "boot.kernelModules = [ \"nvidia-uvm\" ];"},
	{NULL, CHANGE_FILE, "/etc/modprobe.d/", "boot.extraModprobeConfig = ''\n%s'';"},
	{NULL, CHANGE_FILE, "/etc/udev/rules.d/", "services.udev.extraRules = ''\n%s'';"},
};

static bool is_of_nixos(struct doctor *doctor, const struct change *change)
{
	return hw_is_nixos(&doctor->run->hw) && change->kind != CHANGE_ATTRIBUTE;
}

static void advise_nixos(struct buf *out, const char *check, const struct change *change)
{
	for (size_t i = 0; i < sizeof(nixos) / sizeof(*nixos); i++) {
		const char *setting = nixos[i].setting, *text = strstr(setting, "%s");

		if (change->kind != nixos[i].kind ||
			!str_starts(change->path, nixos[i].directory) ||
			(nixos[i].check && !str_eq(check, nixos[i].check)))
			continue;
		if (text)
			buf_printf(out, "%.*s%s%s\n", (int)(text - setting), setting, change->text,
				text + 2);
		else if (!strstr(buf_text(out), setting))
			buf_printf(out, "%s\n", setting);
		return;
	}
	if (change->command)
		buf_printf(out, "change what makes %s, as this would:\n%s\n", change->path,
			change->command);
	else if (change->kind == CHANGE_FILE && str_starts(change->path, "/etc/"))
		buf_printf(out, "environment.etc.\"%s\".text = ''\n%s'';\n",
			change->path + strlen("/etc/"), change->text);
	else
		buf_printf(out, "take out what makes %s\n", change->path);
}

const char *doctor_missing_unit(struct doctor *doctor, const char *unit)
{
	for (size_t i = 0; hw_is_nixos(&doctor->run->hw) && i < sizeof(nixos) / sizeof(*nixos);
		i++) {
		if (nixos[i].kind == CHANGE_LINK && str_eq(nixos[i].check, doctor->check->name))
			return arena_printf(doctor->run->arena,
				"in configuration.nix:\n%s\nnixos-rebuild switch",
				nixos[i].setting);
	}
	return arena_printf(doctor->run->arena, "install (or unmask) %s, and enable it", unit);
}

const char *doctor_advice(struct doctor *doctor, const struct finding *finding)
{
	struct buf out = {0}, nix = {0};
	const char *text;

	for (size_t i = 0; i < finding->change_count; i++) {
		const struct change *change = &finding->changes[i];

		if (is_of_nixos(doctor, change))
			advise_nixos(&nix, finding->check->name, change);
		else
			advise_shell(doctor, &out, change);
	}
	if (nix.length)
		buf_printf(&out, "in configuration.nix:\n%s", buf_text(&nix));
	/* A new generation starts services too. */
	if (nix.length && !(finding->fix && strstr(finding->fix, "nixos-rebuild")))
		buf_puts(&out, finding->fix && strstr(finding->fix, "reboot")
				       ? "nixos-rebuild boot; reboot"
				       : "nixos-rebuild switch");
	else if (finding->fix)
		buf_puts(&out, finding->fix);
	else if (out.length)
		out.text[--out.length] = '\0';
	text = arena_dup(doctor->run->arena, buf_text(&out));
	buf_free(&nix);
	buf_free(&out);
	return text;
}
