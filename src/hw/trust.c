/* SPDX-License-Identifier: MIT */
/* trust: whose files are obeyed. A rule can set any variable and wrap any program. */
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"

/* The kernel told at the start; asking again for every file would cost a system call each. */
static uid_t user_id(void)
{
	return (uid_t)getauxval(AT_EUID);
}

static gid_t group_id(void)
{
	return (gid_t)getauxval(AT_EGID);
}

/* The nth field of a line of /etc/passwd or /etc/group. */
static const char *field(const char *line, unsigned number, size_t *length)
{
	const char *end = strchrnul(line, '\n');

	for (; number; number--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	*length = strcspn(line, ":\n");
	return line;
}

static bool field_is_number(const char *line, unsigned number, unsigned long expected)
{
	unsigned long value;
	size_t length;
	const char *text = field(line, number, &length);

	return text && str_number(text, length, 10, &value) && value == expected;
}

static const char *next_line(const char *line)
{
	line = strchrnul(line, '\n');
	return *line ? line + 1 : line;
}

/*
 * Distributions with umask 002 give each user a group of their own. It is one if nobody else has
 * it: no other user's main group, and no members but the user.
 */
static bool is_private_group(const struct hw_root *root, gid_t group)
{
	const char *users = hw_root_text(root, "/etc/passwd");
	const char *groups = hw_root_text(root, "/etc/group");
	const char *name = NULL, *members;
	size_t name_length = 0, length;

	for (const char *line = users ? users : ""; *line; line = next_line(line)) {
		if (field_is_number(line, 2, user_id()))
			name = field(line, 0, &name_length);
		else if (field_is_number(line, 3, group))
			return false;
	}
	for (const char *line = groups ? groups : ""; *line; line = next_line(line)) {
		if (!field_is_number(line, 2, group))
			continue;
		members = field(line, 3, &length);
		return members && (!length || (name && length == name_length &&
						      strncmp(members, name, length) == 0));
	}
	/* Users of a directory service are in neither file; equal numbers are its sign then. */
	return group == user_id();
}

const char *hw_trust_problem(const struct hw_root *root, const struct stat *status)
{
	uid_t user = user_id();

	if (!S_ISREG(status->st_mode))
		return S_ISDIR(status->st_mode) ? "is a directory" : "is not a regular file";
	if (status->st_uid != 0 && status->st_uid != user)
		return user ? "belongs to another user; only yours and root's are obeyed"
			    : "does not belong to root";
	if (status->st_mode & S_IWOTH)
		return "can be written by everybody; 'chmod o-w' it";
	if ((status->st_mode & S_IWGRP) && status->st_gid != 0 &&
		(user == 0 || status->st_gid != group_id() ||
			!is_private_group(root, status->st_gid)))
		return "can be written by its group; 'chmod g-w' it";
	return NULL;
}
