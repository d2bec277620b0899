/* SPDX-License-Identifier: MIT */
/*
 * rule: rule files, from text to the settings for one program. Pure: bytes and structs in,
 * structs out; nv-run.rules(5) is the specification.
 *
 * A reader is fed files, lowest precedence first. It keeps the sections whose header matches the
 * subject and skips all others by looking for the next header, so that what does not concern a
 * program costs it nothing and cannot harm it. rule_resolve then turns the sections whose
 * conditions hold into settings, later lines winning key by key.
 *
 * Everything returned belongs to the arena given to rule_reader_init.
 */
#ifndef NV_RULE_H
#define NV_RULE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The kernel takes no longer "NAME=VALUE" or argument, the NUL behind it counted: with one, no
 * program starts (MAX_ARG_STRLEN: 32 pages of 4 KiB, larger with larger pages). */
enum { RULE_LONGEST = 131072 };

/* Where something was decided. file is NULL for the command line. */
struct rule_origin {
	const char *file;
	unsigned line;
};

struct rule_mistake {
	const char *file;
	unsigned line, column; /* from 1; column counts bytes */
	const char *text; /* what, and what to do */
};

/* The program that patterns are compared with. */
struct rule_subject {
	const char *name; /* file name, as found in PATH */
	const char *path; /* absolute path, as found; NULL if it was not found */
	char *const *args; /* NULL-ended, for wine: patterns; may be NULL */
	const char *const
		*ids; /* NULL-ended: "steam:620", "desktop:org.gimp.GIMP", ...; may be NULL */
	/* Gives the path with links resolved, or NULL; called only if a pattern needs it. */
	const char *(*real_path)(void *context);
	void *context;
};

enum rule_api {
	RULE_GLX,
	RULE_EGL,
	RULE_VULKAN,
	RULE_GBM,
	RULE_VAAPI,
	RULE_VDPAU,
	RULE_CUDA,
	RULE_OPENCL,
	RULE_APIS,
};

enum rule_condition {
	RULE_WHEN_AWAKE,
	RULE_WHEN_DISPLAY,
	RULE_WHEN_GPU,
	RULE_WHEN_HOST,
	RULE_WHEN_POWER,
	RULE_WHEN_SESSION,
};

enum rule_kind {
	RULE_GPU,
	RULE_FALLBACK,
	RULE_WRAP,
	RULE_API, /* detail: enum rule_api */
	RULE_SET, /* set.NAME and the three below: the key goes on with a variable */
	RULE_DEFAULT,
	RULE_PREPEND,
	RULE_APPEND,
	RULE_UNSET,
	RULE_WHEN, /* detail: enum rule_condition */
	RULE_ROLE, /* machine.conf only */
	RULE_SESSION, /* session.conf only */
};

struct rule_key {
	const char *name; /* "gpu", "set." */
	enum rule_kind kind;
	int detail;
	/* NULL if the value will do, else what is wrong with it. Not called for "${...}" values. */
	const char *(*check)(struct arena *arena, const char *value);
	const char *help; /* its values, in a few words */
};

/* The keys of a kind of file, sorted by name, ending with a NULL name. */
extern const struct rule_key rule_keys[]; /* rules.d */
extern const struct rule_key machine_keys[]; /* machine.conf */
extern const struct rule_key session_keys[]; /* session.conf */

const char *rule_api_name(enum rule_api api);

struct rule_line {
	const struct rule_key *key; /* NULL: a condition nobody knows, which never holds */
	const char *name; /* of the variable in set.NAME, else "" */
	const char *value; /* without quotes and escapes, before ${NAME} */
	struct rule_origin from;
	unsigned column; /* where the value begins */
	bool literal; /* "$" means itself: from the command line */
};

struct rule_section {
	const char *header; /* as written, with brackets */
	const char *pattern; /* the pattern that matched; NULL if everything is read */
	struct rule_origin from;
	struct rule_line *lines;
	size_t count;
};

struct rule_reader {
	struct arena *arena;
	const struct rule_key *keys;
	const struct rule_subject *subject; /* NULL: read every section and check every header */
	bool first[256]; /* bytes a matching pattern can begin with */
	struct rule_section *sections;
	size_t count;
	struct rule_mistake *mistakes;
	size_t mistake_count;

	const char *file;
	unsigned line;
	bool begun; /* some of the file was read */
	bool reading; /* inside a section that is kept */
	size_t file_sections, file_mistakes; /* counts when the file began */
};

void rule_reader_init(struct rule_reader *reader, struct arena *arena, const struct rule_key *keys,
	const struct rule_subject *subject);

/* Begins a file; its name is kept by reference. */
void rule_begin(struct rule_reader *reader, const char *file);

/*
 * Reads complete lines of text and says how many bytes they were; the caller offers the rest
 * again with more behind it. With last set, what is behind the last newline is a line too.
 */
size_t rule_read(struct rule_reader *reader, const char *text, size_t length, bool last);

/* Forgets the file begun last, whose bytes turned out to be no text. */
void rule_drop(struct rule_reader *reader);

/* Adds a mistake that is not about a file's text, such as who owns it. */
void rule_note(struct rule_reader *reader, const char *file, const char *text);

/*
 * A line from the command line, put into a section of its own, above all files. Returns NULL, or
 * what is wrong with it. literal: the value has no ${NAME}.
 */
const char *rule_add(struct rule_reader *reader, const char *key, const char *value, bool literal);

/* Whether one pattern of a header, "[a, b*]", matches; *pattern is set to it. */
bool rule_header_matches(struct arena *arena, const struct rule_subject *subject,
	const char *header, const char **pattern);

struct rule_setting {
	const char *value; /* NULL if nothing set it */
	struct rule_origin from;
};

/* What is to happen to one environment variable. */
struct rule_variable {
	const char *name;
	enum { RULE_BASE_NONE, RULE_BASE_SET, RULE_BASE_DEFAULT, RULE_BASE_UNSET } base;
	struct rule_setting value, prepend, append;
};

struct rule_settings {
	struct rule_setting gpu, fallback, api[RULE_APIS];
	const char **wrap; /* NULL-ended words, NULL if there is no wrapper */
	struct rule_origin wrap_from;
	struct rule_variable *variables;
	size_t variable_count;
};

/* What became of a matching section, for --explain. */
struct rule_outcome {
	const struct rule_section *section;
	const struct rule_line *failed; /* the condition that did not hold; NULL if it was used */
};

/* What rule_resolve asks; both get context. */
struct rule_world {
	bool (*holds)(void *context, enum rule_condition condition, const char *value);
	const char *(*variable)(void *context, const char *name); /* NULL if unset */
	void *context;
};

/*
 * Settings from the reader's sections. A line whose value turns out wrong once ${NAME} is
 * replaced becomes a mistake and is left out. outcomes, unless NULL, gets reader->count entries.
 */
void rule_resolve(struct rule_reader *reader, const struct rule_world *world,
	struct rule_settings *settings, struct rule_outcome **outcomes);

/* Which GPU is asked for. */
enum rule_selector_kind {
	RULE_SELECT_AUTO,
	RULE_SELECT_DISCRETE,
	RULE_SELECT_INTEGRATED,
	RULE_SELECT_EXTERNAL,
	RULE_SELECT_BOOT,
	RULE_SELECT_NVIDIA,
	RULE_SELECT_AMD,
	RULE_SELECT_INTEL,
	RULE_SELECT_SOFTWARE,
	RULE_SELECT_NONE,
	RULE_SELECT_SLOT, /* text: "0000:01:00.0" */
	RULE_SELECT_ID, /* vendor, device */
	RULE_SELECT_NAME, /* text: a glob */
	RULE_SELECT_UUID, /* text: "GPU-..." or the beginning of it */
};

struct rule_selector {
	enum rule_selector_kind kind;
	int index; /* the N of ":N", -1 if there was none */
	unsigned vendor, device;
	const char *text;
};

/* The words among selectors, NULL-ended, for completions and did-you-mean. */
extern const char *const rule_selector_words[];

/* NULL, or what is wrong with the text. */
const char *rule_selector_parse(
	struct arena *arena, const char *text, struct rule_selector *selector);

#endif
