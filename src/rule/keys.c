/* SPDX-License-Identifier: MIT */
/* keys: what may stand before '=', and behind it. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/internal.h"

static const char *one_of(struct arena *arena, const char *value, const char *const *words)
{
	const char *similar, *list = NULL;

	for (size_t i = 0; words[i]; i++) {
		if (str_eq(value, words[i]))
			return NULL;
		list = list ? arena_printf(arena, "%s, %s", list, words[i]) : words[i];
	}
	similar = *value ? str_similar(value, words) : NULL;
	if (similar)
		return arena_printf(
			arena, "unknown value '%s'; did you mean '%s'?", value, similar);
	return arena_printf(arena, "expected one of %s, got '%s'", list, value);
}

static const char *check_selector(struct arena *arena, const char *value)
{
	struct rule_selector selector;

	return rule_selector_parse(arena, value, &selector);
}

static const char *check_fallback(struct arena *arena, const char *value)
{
	static const char *const words[] = {"warn", "fail", "quiet", NULL};

	return one_of(arena, value, words);
}

static const char *check_power(struct arena *arena, const char *value)
{
	static const char *const words[] = {"ac", "battery", NULL};

	return one_of(arena, value, words);
}

static const char *check_session(struct arena *arena, const char *value)
{
	static const char *const words[] = {"x11", "wayland", "tty", NULL};

	return one_of(arena, value, words);
}

static const char *check_yes_no(struct arena *arena, const char *value)
{
	static const char *const words[] = {"yes", "no", NULL};

	return one_of(arena, value, words);
}

static const char *check_display(struct arena *arena, const char *value)
{
	static const char *const words[] = {"external", NULL};

	return one_of(arena, value, words);
}

static const char *check_role(struct arena *arena, const char *value)
{
	static const char *const words[] = {"integrated", "discrete", "external", NULL};

	return one_of(arena, value, words);
}

static const char *check_some(struct arena *arena, const char *value)
{
	(void)arena;
	return *value ? NULL : "expected a value, got the end of the line";
}

/* A driver or vendor name becomes part of a file name: loaders refuse a '/' in it. */
static const char *check_token(struct arena *arena, const char *value)
{
	if (!*value)
		return "expected auto, keep, off or a name, got the end of the line";
	if (strchr(value, '/'))
		return arena_printf(
			arena, "expected a name such as 'nvidia', got the path '%s'", value);
	return NULL;
}

static const char *check_egl(struct arena *arena, const char *value)
{
	static const char *const words[] = {"auto", "keep", "off", "mesa", "nvidia", NULL};

	if (*value == '/')
		return NULL;
	return one_of(arena, value, words);
}

/* A GPU or part of a manifest's name: these two are words for a GPU, and no GPU. */
static const char *check_vulkan(struct arena *arena, const char *value)
{
	if (str_eq(value, "none"))
		return "'none' is no driver; 'off' hides all, 'keep' changes nothing";
	if (str_eq(value, "software"))
		return "'software' is no driver; Mesa's for the CPU is 'lvp'";
	return check_some(arena, value);
}

static const char *check_words(struct arena *arena, const char *value)
{
	const char *wrong = NULL;

	split_words(arena, value, &wrong);
	return wrong;
}

const char *key_check_variable(const char *name)
{
	if (!str_is_variable(name))
		return "a variable's name has no '='";
	if (str_eq(name, "NV_RUN_SAVED"))
		return "NV_RUN_SAVED is nv-run's own: it is how --undo finds the way back";
	return NULL;
}

static const char *check_names(struct arena *arena, const char *value)
{
	const char *wrong = NULL;

	for (const char *at = value; *at; at += *at == ',') {
		size_t length;

		at += strspn(at, " \t");
		length = strcspn(at, ", \t");
		if (length)
			wrong = key_check_variable(arena_copy(arena, at, length));
		if (wrong)
			return wrong;
		at += length;
		at += strspn(at, " \t");
		if (*at && *at != ',')
			return "expected ',' between the names of variables";
	}
	return NULL;
}

/* Sorted by name; the help is what the completions show. */
const struct rule_key rule_keys[] = {
	{"append.", RULE_APPEND, 0, NULL, "NAME = text added behind a colon list"},
	{"cuda", RULE_API, RULE_CUDA, check_some, "auto, keep, off, a GPU or CUDA's own list"},
	{"default.", RULE_DEFAULT, 0, NULL, "NAME = value unless the variable is set"},
	{"egl", RULE_API, RULE_EGL, check_egl, "auto, keep, off, mesa, nvidia or a vendor file"},
	{"fallback", RULE_FALLBACK, 0, check_fallback,
		"warn, fail or quiet, if the GPU is missing"},
	{"gbm", RULE_API, RULE_GBM, check_token, "auto, keep, off or a backend"},
	{"glx", RULE_API, RULE_GLX, check_token, "auto, keep, off or a vendor"},
	{"gpu", RULE_GPU, 0, check_selector, "the GPU to use"},
	{"opencl", RULE_API, RULE_OPENCL, check_some, "auto, keep, off, an ICD or its file"},
	{"prepend.", RULE_PREPEND, 0, NULL, "NAME = text put before a colon list"},
	{"set.", RULE_SET, 0, NULL, "NAME = value of a variable"},
	{"unset", RULE_UNSET, 0, check_names, "names of variables to remove"},
	{"vaapi", RULE_API, RULE_VAAPI, check_token, "auto, keep, off or a driver"},
	{"vdpau", RULE_API, RULE_VDPAU, check_token, "auto, keep, off or a driver"},
	{"vulkan", RULE_API, RULE_VULKAN, check_vulkan,
		"auto, keep, off, a driver, a manifest, a GPU"},
	{"when.awake", RULE_WHEN, RULE_WHEN_AWAKE, check_yes_no,
		"yes or no: the discrete GPU runs"},
	{"when.display", RULE_WHEN, RULE_WHEN_DISPLAY, check_display, "external"},
	{"when.gpu", RULE_WHEN, RULE_WHEN_GPU, check_selector, "a GPU that must be there"},
	{"when.host", RULE_WHEN, RULE_WHEN_HOST, check_some, "glob of the machine's name"},
	{"when.power", RULE_WHEN, RULE_WHEN_POWER, check_power, "ac or battery"},
	{"when.session", RULE_WHEN, RULE_WHEN_SESSION, check_session, "x11, wayland or tty"},
	{"wrap", RULE_WRAP, 0, check_words, "a command to start the program with"},
	{NULL, 0, 0, NULL, NULL},
};

const struct rule_key machine_keys[] = {
	{"role", RULE_ROLE, 0, check_role, "integrated, discrete or external"},
	{NULL, 0, 0, NULL, NULL},
};

/* What a value may be depends on the section, so nv-session checks it. */
const struct rule_key session_keys[] = {
	{"enabled", RULE_SESSION, 0, check_yes_no, "output: yes or no, lit or dark"},
	{"layout", RULE_SESSION, 0, NULL, "session: right-of, left-of, above, below or mirror"},
	{"mode", RULE_SESSION, 0, NULL, "session: a PRIME mode; output: WIDTHxHEIGHT"},
	{"position", RULE_SESSION, 0, NULL, "output: X,Y on the X screen"},
	{"primary", RULE_SESSION, 0, check_yes_no, "output: yes or no"},
	{"prime-sync", RULE_SESSION, 0, NULL, "yes, no or keep: PRIME Synchronization"},
	{"rate", RULE_SESSION, 0, NULL, "output: pictures a second"},
	{"rotate", RULE_SESSION, 0, NULL, "output: normal, left, right or inverted"},
	{NULL, 0, 0, NULL, NULL},
};

const char *rule_api_name(enum rule_api api)
{
	for (const struct rule_key *key = rule_keys; key->name; key++) {
		if (key->kind == RULE_API && key->detail == (int)api)
			return key->name;
	}
	return "";
}

bool key_takes_name(const struct rule_key *key)
{
	return str_ends(key->name, ".");
}

const struct rule_key *key_find(const struct rule_key *keys, const char *name)
{
	for (; keys->name; keys++) {
		if (key_takes_name(keys) ? str_starts(name, keys->name) : str_eq(name, keys->name))
			return keys;
	}
	return NULL;
}

const char *key_similar(const struct rule_key *keys, const char *name)
{
	const char *words[40] = {0};
	size_t count = 0;

	for (; keys->name && count + 1 < sizeof(words) / sizeof(*words); keys++)
		words[count++] = keys->name;
	return str_similar(name, words);
}

const char *key_check_length(const char *name, const char *value)
{
	if (strlen(name) + 1 + strlen(value) < RULE_LONGEST)
		return NULL;
	return "too long: no program starts with 128 KiB in one variable or argument";
}

const char *key_check(
	struct arena *arena, const struct rule_key *key, const char *name, const char *value)
{
	const char *wrong = NULL;

	if (key_takes_name(key) && !*name)
		return arena_printf(arena, "expected a variable's name behind '%s'", key->name);
	if (key_takes_name(key))
		wrong = key_check_variable(name);
	if (wrong)
		return wrong;
	/* A value with ${NAME} is known, and checked, once the environment is. */
	if (strchr(value, '$')) {
		expand(arena, NULL, value, &wrong);
		return wrong;
	}
	wrong = key_check_length(name, value);
	return wrong || !key->check ? wrong : key->check(arena, value);
}
