/* SPDX-License-Identifier: MIT */
#include "nv-session/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"
#include "rule/rule.h"

enum { LIMIT = 1 << 20 };

static void mistake(struct session *session, struct config *config, const char *text)
{
	*arena_push(session->arena, config->mistakes, config->mistake_count) = text;
}

static bool set_answer(const char *value, enum x11_answer *answer)
{
	*answer = str_eq(value, "yes") ? X11_YES : str_eq(value, "no") ? X11_NO : X11_KEEP;
	return *answer != X11_KEEP || str_eq(value, "keep");
}

/* Each sets one key; false if the value makes no sense. Of origin only the mode keeps note. */

static bool set_mode(struct config *config, struct x11_output_wish *wish, const char *value)
{
	(void)wish;
	return x11_prime_from_name(value, &config->mode);
}

static bool set_layout(struct config *config, struct x11_output_wish *wish, const char *value)
{
	(void)wish;
	return x11_layout_from_name(value, &config->layout);
}

static bool set_sync(struct config *config, struct x11_output_wish *wish, const char *value)
{
	return set_answer(value, wish ? &wish->sync : &config->sync);
}

static bool set_enabled(struct config *config, struct x11_output_wish *wish, const char *value)
{
	(void)config;
	return set_answer(value, &wish->enabled);
}

static bool set_primary(struct config *config, struct x11_output_wish *wish, const char *value)
{
	(void)config;
	return set_answer(value, &wish->primary);
}

static bool set_size(struct config *config, struct x11_output_wish *wish, const char *value)
{
	unsigned width = 0, height = 0;
	int used = 0;

	(void)config;
	if (!str_eq(value, "preferred") &&
		(strspn(value, "0123456789x") != strlen(value) ||
			sscanf(value, "%5ux%5u%n", &width, &height, &used) != 2 || value[used] ||
			!width || !height))
		return false;
	wish->width = width;
	wish->height = height;
	return true;
}

static bool set_rate(struct config *config, struct x11_output_wish *wish, const char *value)
{
	double rate = 0;
	int used = 0;

	(void)config;
	if (sscanf(value, "%lf%n", &rate, &used) != 1 || value[used] || !(rate > 0) ||
		rate >= 10000)
		return false;
	wish->rate = rate;
	return true;
}

static bool set_position(struct config *config, struct x11_output_wish *wish, const char *value)
{
	unsigned x, y;
	int used = 0;

	(void)config;
	if (strspn(value, "0123456789x,") != strlen(value) ||
		sscanf(value, "%5u%*[x,]%5u%n", &x, &y, &used) != 2 || value[used] || x > 32767 ||
		y > 32767)
		return false;
	wish->placed = true;
	wish->x = (int)x;
	wish->y = (int)y;
	return true;
}

static bool set_rotation(struct config *config, struct x11_output_wish *wish, const char *value)
{
	(void)config;
	return x11_rotation_from_name(value, &wish->rotation);
}

static const struct setting {
	const char *key;
	bool output; /* in an [output] section, else in [session] */
	bool (*set)(struct config *config, struct x11_output_wish *wish, const char *value);
	const char *expected;
} settings[] = {
	{"mode", false, set_mode, "auto, offload, sync, reverse-sync or none"},
	{"layout", false, set_layout, "right-of, left-of, above, below or mirror"},
	{"prime-sync", false, set_sync, "yes, no or keep"},
	{"enabled", true, set_enabled, "yes or no"},
	{"mode", true, set_size, "WIDTHxHEIGHT, as in 1920x1080, or preferred"},
	{"position", true, set_position, "X,Y in pixels, as in 1920,0, both from 0 to 32767"},
	{"primary", true, set_primary, "yes or no"},
	{"prime-sync", true, set_sync, "yes, no or keep"},
	{"rate", true, set_rate, "a number, as in 60 or 59.94"},
	{"rotate", true, set_rotation, "normal, left, right or inverted"},
	{NULL, false, NULL, NULL},
};

static const struct setting *find(const char *key, bool output)
{
	const struct setting *setting = settings;

	while (setting->key && (!str_eq(setting->key, key) || setting->output != output))
		setting++;
	return setting->key ? setting : NULL;
}

static void apply_line(struct session *session, struct config *config, struct x11_output_wish *wish,
	const struct rule_line *line)
{
	const struct setting *setting = find(line->key->name, wish);
	const char *place = arena_printf(session->arena, "%s:%u", line->from.file, line->from.line);

	if (!setting) {
		mistake(session, config,
			arena_printf(session->arena, "%s: '%s' belongs into %s", place,
				line->key->name, wish ? "[session]" : "an [output NAME] section"));
		return;
	}
	if (!setting->set(config, wish, line->value)) {
		mistake(session, config,
			arena_printf(session->arena, "%s:%u: %s takes %s, not '%s'", place,
				line->column, line->key->name, setting->expected, line->value));
		return;
	}
	if (setting->set == set_mode)
		config->mode_from = place;
}

/* The name in "[output HDMI-1-0]"; NULL if the header is another. */
static const char *output_pattern(struct arena *arena, const char *header)
{
	size_t length = strlen(header);

	if (!str_starts(header, "[output ") || header[length - 1] != ']')
		return NULL;
	header += 8;
	header += strspn(header, " \t\"");
	length = strlen(header) - 1;
	while (length && strchr(" \t\"", header[length - 1]))
		length--;
	return length ? arena_copy(arena, header, length) : NULL;
}

static void apply_section(
	struct session *session, struct config *config, const struct rule_section *section)
{
	const char *pattern = output_pattern(session->arena, section->header);
	struct x11_output_wish wish = {
		.pattern = pattern, .primary = X11_KEEP, .enabled = X11_KEEP, .sync = X11_KEEP};

	if (!pattern && !str_eq(section->header, "[session]")) {
		mistake(session, config,
			arena_printf(session->arena,
				"%s:%u: unknown section %s; there are [session] and [output NAME]",
				section->from.file, section->from.line, section->header));
		return;
	}
	for (size_t i = 0; i < section->count; i++)
		apply_line(session, config, pattern ? &wish : NULL, &section->lines[i]);
	if (pattern)
		*arena_push(session->arena, config->outputs, config->output_count) = wish;
}

/* A hook decides over everybody's login: it obeys root alone. */
static const char *distrust(struct session *session, const struct stat *status)
{
	if (session->options.hook && status->st_uid != 0)
		return "does not belong to root";
	return hw_trust_problem(&session->hw.root, status);
}

static void read_file(struct session *session, struct config *config, const char *path, int fd)
{
	struct rule_reader reader;
	const char *problem = NULL;
	struct stat status;
	size_t length = 0;
	char *text;

	if (fstat(fd, &status) != 0)
		problem = strerror(errno);
	else
		problem = distrust(session, &status);
	if (!problem && status.st_size > LIMIT)
		problem = "is larger than 1 MiB";
	if (problem) {
		mistake(session, config,
			arena_printf(session->arena, "%s: not read: it %s", path, problem));
		close(fd);
		return;
	}
	text = file_text_fd(session->arena, fd, LIMIT, &length);
	rule_reader_init(&reader, session->arena, session_keys, NULL);
	rule_begin(&reader, path);
	if (text && !memchr(text, '\0', length))
		rule_read(&reader, text, length, true);
	else
		rule_note(&reader, path, "cannot be read as text");
	for (size_t i = 0; i < reader.mistake_count; i++)
		mistake(session, config,
			arena_printf(session->arena, "%s:%u:%u: %s", reader.mistakes[i].file,
				reader.mistakes[i].line, reader.mistakes[i].column,
				reader.mistakes[i].text));
	for (size_t i = 0; i < reader.count; i++)
		apply_section(session, config, &reader.sections[i]);
}

/* One that should be there and is not is a mistake. */
static void try_file(
	struct session *session, struct config *config, const char *path, int fd, bool needed)
{
	if (fd >= 0)
		read_file(session, config, path, fd);
	else if (needed || (errno != ENOENT && errno != ENOTDIR))
		mistake(session, config,
			arena_printf(
				session->arena, "%s: cannot be read: %s", path, strerror(errno)));
}

static void read_user(struct session *session, struct config *config)
{
	const char *directory = session_variable(session, "XDG_CONFIG_HOME");
	const char *home = session_variable(session, "HOME"), *path;

	if (directory && *directory == '/')
		path = arena_printf(session->arena, "%s/nv-run/session.conf", directory);
	else if (home && *home == '/')
		path = arena_printf(session->arena, "%s/.config/nv-run/session.conf", home);
	else
		return;
	try_file(session, config, path, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		false);
}

static void read_command_line(struct session *session, struct config *config)
{
	const char *value = hw_cmdline(&session->hw, "nv-session.mode");

	if (!value)
		return;
	if (x11_prime_from_name(value, &config->mode))
		config->mode_from = "the kernel command line";
	else
		mistake(session, config,
			arena_printf(session->arena,
				"kernel command line: nv-session.mode takes %s, not '%s'",
				settings[0].expected, value));
}

void config_read(struct session *session, struct config *config)
{
	const char *named = session->options.config;

	*config = (struct config){
		.mode = X11_AUTO, .mode_from = "default", .layout = X11_RIGHT_OF, .sync = X11_KEEP};
	if (named) {
		try_file(session, config, named,
			open(named, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), true);
	} else {
		try_file(session, config, NV_SESSION_CONF,
			hw_root_open(&session->hw.root, NV_SESSION_CONF,
				O_RDONLY | O_NONBLOCK | O_NOCTTY),
			false);
		if (!session->options.hook)
			read_user(session, config);
	}
	read_command_line(session, config);
	if (session->options.mode) {
		x11_prime_from_name(session->options.mode, &config->mode);
		config->mode_from = "option";
	}
	if (session->options.layout)
		x11_layout_from_name(session->options.layout, &config->layout);
}

void config_warn(const struct config *config)
{
	for (size_t i = 0; i < config->mistake_count; i++)
		log_warning("%s", config->mistakes[i]);
}
