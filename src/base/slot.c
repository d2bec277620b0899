/* SPDX-License-Identifier: MIT */
#include "base/slot.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

static bool part(const char **at, int digits, const char *ends, unsigned long *number)
{
	size_t length = strcspn(*at, ":.");

	if (!length || length > (size_t)digits || !str_number(*at, length, 16, number) ||
		!strchr(ends, (*at)[length]))
		return false;
	*at += length + ((*at)[length] != '\0');
	return true;
}

/* A number in decimal that one of ends follows; *at goes behind that. */
static bool decimal(const char **at, const char *ends, unsigned long most, unsigned long *number)
{
	size_t length = strcspn(*at, ":@");

	if (!str_number(*at, length, 10, number) || *number > most || !strchr(ends, (*at)[length]))
		return false;
	*at += length + ((*at)[length] != '\0');
	return true;
}

/* "1@0:0:0", all decimal; the domain and the function are optional. */
static const char *parse_bus_id(struct arena *arena, const char *at, int *function)
{
	unsigned long domain = 0, bus, device, number;

	if (!decimal(&at, ":@", 255, &bus) ||
		(at[-1] == '@' && !decimal(&at, ":", UINT32_MAX, &domain)) || at[-1] != ':' ||
		!decimal(&at, ":", 31, &device))
		return NULL;
	if (at[-1] == ':') {
		if (!str_number(at, strlen(at), 10, &number) || number > 7)
			return NULL;
		*function = (int)number;
	}
	return arena_printf(arena, "%04lx:%02lx:%02lx", domain, bus, device);
}

const char *slot_parse(struct arena *arena, const char *word, int *function)
{
	unsigned long domain = 0, bus, device, number;
	const char *first = strchr(word, ':'), *at = word;

	*function = -1;
	if (strncasecmp(word, "PCI:", 4) == 0)
		return parse_bus_id(arena, word + 4, function);
	if (!first || (strchr(first + 1, ':') && !part(&at, 8, ":", &domain)) ||
		!part(&at, 2, ":", &bus) || !part(&at, 2, ".", &device) || device > 0x1f)
		return NULL;
	if (at[-1] == '.') {
		if (strlen(at) != 1 || !str_number(at, 1, 8, &number))
			return NULL;
		*function = (int)number;
	}
	return arena_printf(arena, "%04lx:%02lx:%02lx", domain, bus, device);
}
