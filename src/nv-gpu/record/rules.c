/* SPDX-License-Identifier: MIT */
#include "nv-gpu/record/rules.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/record/anonymous.h"

enum { DIGITS = 32, PAIRS = 12, LABEL = 12 };

/* What a rule looks at, and what it found: bytes [at + skip, at + skip + length) of a kind. */
struct place {
	struct anonymous *anonymous;
	const char *begin, *at, *end;
	enum anonymous_kind kind;
	size_t skip, length;
	const char *instead; /* NULL: by kind and number */
};

static bool is_alnum(char byte)
{
	return isalnum((unsigned char)byte);
}

static bool at_word(const struct place *place)
{
	return place->at == place->begin || !is_alnum(place->at[-1]);
}

static size_t left(const struct place *place)
{
	return (size_t)(place->end - place->at);
}

static size_t hex(const char *text, size_t left)
{
	size_t length = 0;

	while (length < left && isxdigit((unsigned char)text[length]))
		length++;
	return length;
}

/* Up to what ends a value in files of settings. */
static size_t token(const char *text, const char *end)
{
	size_t length = 0;

	while (text + length < end && (unsigned char)text[length] > ' ' &&
		!strchr("\"',;)]}", text[length]))
		length++;
	return length;
}

static bool starts(const struct place *place, const char *word)
{
	return left(place) >= strlen(word) && strncasecmp(place->at, word, strlen(word)) == 0;
}

/* What was told, as a word; the longest. */
static bool known(struct place *place)
{
	place->length = 0;
	for (size_t i = 0; at_word(place) && i < place->anonymous->count; i++) {
		const struct anonymous_value *value = &place->anonymous->values[i];

		if (!value->word || value->length <= place->length || value->length > left(place) ||
			tolower((unsigned char)*value->value) !=
				tolower((unsigned char)*place->at) ||
			strncasecmp(place->at, value->value, value->length) != 0 ||
			(value->length < left(place) && is_alnum(place->at[value->length])))
			continue;
		place->kind = value->kind;
		place->length = value->length;
	}
	return place->length;
}

/* 8-4-4-4-12 hex digits; those that EFI's variables have on every machine stay. */
static bool uuid(struct place *place)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	static const char *const same[] = {
		"8be4df61-93ca-11d2-aa0d-00e098032b8c", "605dab50-e046-4300-abb6-3dd810dd8b23"};
	const char *at = place->at;

	if (!at_word(place) || left(place) < 36)
		return false;
	for (size_t i = 0; i < 5; i++) {
		if (hex(at, (size_t)(place->end - at)) != groups[i] ||
			(i < 4 && at[groups[i]] != '-'))
			return false;
		at += groups[i] + (i < 4);
	}
	if (at < place->end && is_alnum(*at))
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (strncasecmp(place->at, same[i], 36) == 0)
			return false;
	}
	place->kind = ANONYMOUS_UUID;
	place->length = 36;
	return true;
}

static bool digits(struct place *place)
{
	if (!at_word(place) || hex(place->at, left(place)) != DIGITS ||
		(left(place) > DIGITS && is_alnum(place->at[DIGITS])))
		return false;
	place->kind = ANONYMOUS_DIGITS;
	place->length = DIGITS;
	return true;
}

/* "52:54:00:12:34:56", with '-' too, of six or eight bytes. */
static bool address(struct place *place)
{
	const char *at = place->at;
	size_t groups = 0;
	char between = '\0';

	if (!at_word(place) || left(place) < 17)
		return false;
	between = at[2];
	if (between != ':' && between != '-')
		return false;
	while (hex(at, (size_t)(place->end - at)) == 2) {
		groups++;
		at += 2;
		if (at == place->end || *at != between)
			break;
		at++;
	}
	at -= at[-1] == between;
	if ((groups != 6 && groups != 8) || (at < place->end && is_alnum(*at)))
		return false;
	place->kind = ANONYMOUS_ADDRESS;
	place->length = (size_t)(at - place->at);
	return true;
}

/* A dump of bytes, "00 ff ff ff": an EDID in a log. */
static bool dump(struct place *place)
{
	const char *at = place->at;
	size_t pairs = 0;

	while (at_word(place) && hex(at, (size_t)(place->end - at)) == 2) {
		pairs++;
		at += 2;
		if (at == place->end || *at != ' ')
			break;
		at++;
	}
	if (pairs < PAIRS)
		return false;
	place->length = (size_t)(at - place->at) - (at[-1] == ' ');
	place->instead = "00";
	return true;
}

/* "Serial No: 1234", "Serial#: 1234", "serial_number=1234", {serial}=="1234". */
static bool serial(struct place *place)
{
	const char *at = place->at + strlen("serial");
	size_t label = 0;

	if (!starts(place, "serial"))
		return false;
	while (at < place->end && label < LABEL && *at &&
		(isalpha((unsigned char)*at) || strchr(" #._}", *at))) {
		at++;
		label++;
	}
	if (at == place->end || (*at != ':' && *at != '='))
		return false;
	while (at < place->end && *at && strchr(":= \t\"'", *at))
		at++;
	place->kind = ANONYMOUS_SERIAL;
	place->skip = (size_t)(at - place->at);
	place->length = token(at, place->end);
	return place->length;
}

/* What stands behind certain words. */
static bool labelled(struct place *place)
{
	static const struct {
		const char *label;
		enum anonymous_kind kind;
		bool part; /* ends at the next '/' too */
	} labels[] = {
		{"/home/", ANONYMOUS_USER, true},
		{"/disk/by-", ANONYMOUS_DISK, false},
		{"/dev/mapper/", ANONYMOUS_DISK, false},
		{"UUID=", ANONYMOUS_DISK, false},
		{"LABEL=", ANONYMOUS_DISK, false},
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		const char *at = place->at + strlen(labels[i].label);

		if (!starts(place, labels[i].label))
			continue;
		place->kind = labels[i].kind;
		place->skip = strlen(labels[i].label);
		place->length = token(at, place->end);
		if (labels[i].part && memchr(at, '/', place->length))
			place->length = (size_t)((const char *)memchr(at, '/', place->length) - at);
		if (place->length)
			return true;
	}
	return false;
}

/* "someone@example.org", and the "(someone@somewhere)" of who built a kernel; no unit of systemd's.
 */
static bool mail(struct place *place)
{
	static const char *const units[] = {".service", ".scope", ".slice", ".socket", ".target",
		".timer", ".mount", ".device", ".path", ".conf", ".d", NULL};
	const char *at = place->at, *dot = NULL, *sign;
	bool built = at > place->begin && at[-1] == '(';

	if (!at_word(place) || !is_alnum(*at))
		return false;
	while (at < place->end && *at && (is_alnum(*at) || strchr("._+-", *at)))
		at++;
	if (at == place->end || *at != '@' || at + 1 == place->end ||
		!isalpha((unsigned char)at[1]))
		return false;
	sign = at++;
	for (; at < place->end && *at && (is_alnum(*at) || strchr(".-", *at)); at++)
		dot = *at == '.' ? at : dot;
	built &= at < place->end && *at == ')';
	for (size_t i = 0; dot && units[i]; i++) {
		if ((size_t)(at - dot) == strlen(units[i]) &&
			strncmp(dot, units[i], strlen(units[i])) == 0)
			return false;
	}
	if ((!dot || dot == sign + 1) && !built)
		return false;
	place->kind = ANONYMOUS_MAIL;
	place->length = (size_t)(at - place->at);
	return true;
}

/* "Linux NAME 6.1.0": the host in the X server's log, also where its name is a common word. */
static bool running(struct place *place)
{
	const char *at = place->at + strlen("Linux ");
	size_t length;

	if (!at_word(place) || !starts(place, "Linux "))
		return false;
	length = token(at, place->end);
	if (!length || at + length + 1 >= place->end || at[length] != ' ' ||
		!isdigit((unsigned char)at[length + 1]) ||
		(length == 7 && strncmp(at, "version", 7) == 0))
		return false;
	place->kind = ANONYMOUS_HOST;
	place->skip = strlen("Linux ");
	place->length = length;
	return true;
}

static void add_placeholder(struct place *place, struct buf *out)
{
	static const char *const names[ANONYMOUS_KINDS] = {
		[ANONYMOUS_HOST] = "host",
		[ANONYMOUS_USER] = "user",
		[ANONYMOUS_SERIAL] = "serial",
		[ANONYMOUS_DISK] = "disk",
		[ANONYMOUS_MAIL] = "someone@example.org",
	};
	const struct anonymous_value *value = anonymous_value(
		place->anonymous, place->kind, place->at + place->skip, place->length);
	unsigned number = value->number;

	switch (place->kind) {
	case ANONYMOUS_UUID:
		buf_printf(out, "00000000-0000-4000-8000-%012u", number);
		break;
	case ANONYMOUS_DIGITS:
		buf_printf(out, "%032u", number);
		break;
	case ANONYMOUS_ADDRESS:
		buf_printf(out, "%s00:00:00:00:%02x:%02x", place->length > 17 ? "00:00:" : "",
			number >> 8 & 255, number & 255);
		break;
	default:
		buf_printf(out, "%s-%u", names[place->kind], number);
		break;
	}
}

size_t rules_match(struct anonymous *anonymous, const char *begin, const char *at, const char *end,
	struct buf *out, const char **done)
{
	static bool (*const rules[])(struct place * place) = {
		known, uuid, digits, address, dump, serial, labelled, mail, running};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct place place = {.anonymous = anonymous, .begin = begin, .at = at, .end = end};

		if (!rules[i](&place))
			continue;
		buf_add(out, *done, (size_t)(at + place.skip - *done));
		*done = at + place.skip + place.length;
		if (place.instead)
			buf_puts(out, place.instead);
		else
			add_placeholder(&place, out);
		return place.skip + place.length;
	}
	return 0;
}

/* Beginnings of the words of the kernel's command line whose values stay. */
static const char *const telling[] = {"nvidia", "nouveau", "nova", "amdgpu", "radeon", "i915",
	"xe.", "drm", "video", "pci", "iommu", "intel_iommu", "amd_iommu", "vfio", "kvm", "snd",
	"modprobe.", "module_blacklist", "rd.driver", "acpi", "mem_sleep", "fbcon", "ibt",
	"lockdown", "nv-session", "thunderbolt", "console", "mitigations", "efi", "systemd.unit",
	"initcall_blacklist", "mce", "usbcore", "pm_", "preempt", "loglevel", "psi", "swiotlb",
	"vga", "vt.", NULL};

const char *rules_cmdline(struct anonymous *anonymous, const char *text, size_t *length)
{
	struct buf out = {0};
	const char *at = text, *result;
	bool for_init = false;

	while (*at) {
		size_t blank = strspn(at, " \n"), word, name;
		bool quoted = false, keep = false;

		buf_add(&out, at, blank);
		at += blank;
		for (word = 0; at[word] && (quoted || !strchr(" \n", at[word])); word++)
			quoted ^= at[word] == '"';
		name = strcspn(at, "= \n");
		for (size_t i = 0; telling[i]; i++)
			keep |= str_starts(at, telling[i]);
		if (for_init && word) {
			/* What stands behind "--" is the first program's: its values are words too.
			 */
			buf_puts(&out, "removed");
		} else if (keep || name >= word) {
			buf_add(&out, at, word);
		} else {
			buf_add(&out, at, name);
			buf_puts(&out, "=removed");
		}
		for_init |= word == 2 && strncmp(at, "--", 2) == 0;
		at += word;
	}
	*length = out.length;
	result = anonymous_text(
		anonymous, arena_copy(anonymous->arena, buf_text(&out), out.length), length);
	buf_free(&out);
	return result;
}
