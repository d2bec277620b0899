/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/xorg/busid.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/xorg/conf.h"

enum { PARTS = 5 };

/* Part number of text between colons, several in a row counting as one (strtok). */
static bool part(const char **text, const char **start, size_t *length)
{
	*text += strspn(*text, ":");
	*start = *text;
	*length = strcspn(*text, ":");
	*text += *length;
	return *length;
}

/* Digits alone; what is too large for atoi fits no GPU. */
static bool number(const char *text, size_t length, unsigned *value)
{
	unsigned long long sum = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		sum = sum * 10 + (unsigned)(text[i] - '0');
		if (sum > UINT32_MAX)
			sum = UINT32_MAX;
	}
	*value = (unsigned)sum;
	return true;
}

/* Where the numbers begin; NULL if the type is none of PCI's. */
static const char *behind_type(const char *text)
{
	char type[8];
	size_t length = strcspn(text, ":");

	if (*text >= '0' && *text <= '9')
		return text;
	if (length >= sizeof(type))
		return NULL;
	memcpy(type, text, length);
	type[length] = '\0';
	if (!xconf_same(type, "pci") && !xconf_same(type, "agp"))
		return NULL;
	return text + length + (text[length] == ':');
}

enum busid_kind busid_read(const char *text, struct busid *id)
{
	static const char *const others[] = {"sbus", "platform", "usb"};
	const char *at = behind_type(text), *start, *domain;
	unsigned domain_number = 0;
	size_t length;

	if (!at) {
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			if (strncasecmp(text, others[i], strlen(others[i])) == 0)
				return BUSID_OTHER;
		}
		return BUSID_WRONG;
	}
	*id = (struct busid){0};
	if (!part(&at, &start, &length))
		return BUSID_WRONG;
	domain = memchr(start, '@', length);
	if (domain) {
		if (!number(domain + 1, (size_t)(start + length - domain) - 1, &domain_number))
			return BUSID_WRONG;
		length = (size_t)(domain - start);
	}
	if (!number(start, length, &id->bus) || !part(&at, &start, &length) ||
		!number(start, length, &id->device))
		return BUSID_WRONG;
	if (part(&at, &start, &length) && !number(start, length, &id->function))
		return BUSID_WRONG;
	/* The server adds the domain to the bus: 256 is bus 0 of domain 1. */
	id->domain = domain_number + id->bus / 256;
	id->bus %= 256;
	return BUSID_PCI;
}

bool busid_of_slot(const char *slot, struct busid *id)
{
	int end = 0;

	return sscanf(slot, "%x:%x:%x.%u%n", &id->domain, &id->bus, &id->device, &id->function,
		       &end) == 4 &&
	       !slot[end];
}

const char *busid_text(struct arena *arena, const struct busid *id)
{
	if (id->domain)
		return arena_printf(
			arena, "PCI:%u@%u:%u:%u", id->bus, id->domain, id->device, id->function);
	return arena_printf(arena, "PCI:%u:%u:%u", id->bus, id->device, id->function);
}

bool busid_same(const struct busid *a, const struct busid *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
	       a->function == b->function;
}

/* All numbers of a text in a base, whatever parts them; how many, PARTS + 1 if there are more. */
static size_t numbers(const char *text, int base, unsigned long *list, char *marks)
{
	const char *at = behind_type(text);
	size_t count = 0;

	at = at ? at : text;
	for (;;) {
		size_t length;

		at += strspn(at, ": \t");
		if (!*at)
			return count;
		length = strcspn(at, ":@. \t");
		if (count == PARTS || !length)
			return PARTS + 1;
		if (length > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
			at += 2;
			length -= 2;
			if (!str_number(at, length, 16, &list[count]))
				return PARTS + 1;
		} else if (!str_number(at, length, base, &list[count])) {
			return PARTS + 1;
		}
		at += length;
		marks[count++] = *at;
		at += *at && *at != ':';
	}
}

/* A way to read numbers: where each stands among those written. */
struct reading {
	int base;
	size_t count;
	char mark; /* behind the first number, 0 if that does not matter */
	signed char domain, bus, device, function; /* -1: 0 */
	const char *why;
};

static const struct reading readings[] = {
	{16, 4, '@', 1, 0, 2, 3, "its numbers are hexadecimal, as lspci prints them"},
	{10, 4, '@', 0, 1, 2, 3, "the domain stands before the bus, and belongs behind it"},
	{16, 4, '@', 0, 1, 2, 3, "the domain stands before the bus, and it is hexadecimal"},
	{10, 3, 0, -1, 0, 1, 2, "it is not written as the X server wants it"},
	{16, 3, 0, -1, 0, 1, 2, "its numbers are hexadecimal, as lspci prints them"},
	{10, 4, ':', 0, 1, 2, 3, "the domain stands before the bus, and belongs behind an @"},
	{16, 4, ':', 0, 1, 2, 3, "it is hexadecimal, with the domain in front, as lspci prints it"},
	{10, 4, ':', -1, 1, 2, 3, "it has a number too much in front"},
	{16, 4, ':', -1, 1, 2, 3, "it has a number too much in front, and is hexadecimal"},
	{10, 2, 0, -1, 0, 1, -1, "it is not written as the X server wants it"},
	{16, 2, 0, -1, 0, 1, -1, "its numbers are hexadecimal, as lspci prints them"},
};

static unsigned pick(const unsigned long *list, signed char index)
{
	return index < 0 || list[index] > UINT32_MAX ? 0 : (unsigned)list[index];
}

static size_t find(const struct busid *id, const struct busid *slots, size_t count, bool any)
{
	size_t found = count;

	for (size_t i = 0; i < count; i++) {
		struct busid wanted = *id;

		if (any)
			wanted.function = slots[i].function;
		if (!busid_same(&wanted, &slots[i]))
			continue;
		if (found != count)
			return count;
		found = i;
	}
	return found;
}

size_t busid_guess(const char *text, const struct busid *slots, size_t count, const char **why)
{
	for (int any = 0; any < 2; any++) {
		for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
			const struct reading *reading = &readings[i];
			unsigned long list[PARTS];
			char marks[PARTS] = {0};
			struct busid id;
			size_t found;

			if (numbers(text, reading->base, list, marks) != reading->count ||
				(reading->mark && marks[0] != reading->mark))
				continue;
			id = (struct busid){pick(list, reading->domain), pick(list, reading->bus),
				pick(list, reading->device), pick(list, reading->function)};
			found = find(&id, slots, count, any);
			if (found == count)
				continue;
			*why = any ? "its function is not the GPU's" : reading->why;
			return found;
		}
	}
	return count;
}
