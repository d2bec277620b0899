/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "nv-run/run.h"

static void print_text(const struct rule_reader *reader, struct buf *out)
{
	for (size_t i = 0; i < reader->mistake_count; i++) {
		const struct rule_mistake *mistake = &reader->mistakes[i];

		buf_puts(out, mistake->file);
		if (mistake->line)
			buf_printf(out, ":%u:%u", mistake->line, mistake->column);
		buf_printf(out, ": %s\n", mistake->text);
	}
}

static void print_mistake(struct json *json, const struct rule_mistake *mistake)
{
	json_open(json, NULL, '{');
	json_add_string(json, "file", mistake->file);
	json_add_number(json, "line", mistake->line);
	json_add_number(json, "column", mistake->column);
	json_add_string(json, "text", mistake->text);
	json_close(json, '}');
}

static void print_json(const struct run *run, const struct rule_reader *readers[2], struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_open(&json, "files", '[');
	for (size_t i = 0; i < run->file_count; i++)
		json_add_string(&json, NULL, run->files[i].path);
	json_close(&json, ']');
	json_open(&json, "mistakes", '[');
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < readers[i]->mistake_count; j++)
			print_mistake(&json, &readers[i]->mistakes[j]);
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

/* Files named on the command line are read as any, but must be there. */
static bool read_named(struct run *run)
{
	rule_reader_init(&run->machine, run->arena, machine_keys, NULL);
	for (char **file = run->options.arguments; *file; file++) {
		bool machine = str_eq(str_file_name(*file), str_file_name(NV_MACHINE_CONF));
		struct stat status;

		if (stat(*file, &status) != 0) {
			log_error("cannot check '%s': %s", *file, strerror(errno));
			return false;
		}
		rules_read_file(run, machine ? &run->machine : &run->reader,
			open(*file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), *file);
	}
	return true;
}

int check_rules(struct run *run)
{
	const struct rule_reader *readers[2] = {&run->reader, &run->machine};
	struct buf out = {0};
	size_t mistakes;
	bool read;
	int status;

	rule_reader_init(&run->reader, run->arena, rule_keys, NULL);
	if (run->options.arguments[0]) {
		read = read_named(run);
	} else {
		read = rules_read(run);
		world_gpus(run, false);
	}
	if (!read)
		return EXIT_NV_RUN;
	mistakes = run->reader.mistake_count + run->machine.mistake_count;
	if (run->options.json) {
		print_json(run, readers, &out);
	} else {
		print_text(readers[0], &out);
		print_text(readers[1], &out);
		if (run->options.verbosity >= 0)
			buf_printf(&out, "%zu file%s read, %zu mistake%s\n", run->file_count,
				run->file_count == 1 ? "" : "s", mistakes,
				mistakes == 1 ? "" : "s");
	}
	status = run_print(&out);
	buf_free(&out);
	return status ? status : mistakes > 0;
}
