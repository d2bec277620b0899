/* SPDX-License-Identifier: MIT */
/* show: "hook check": whether each hook is there, will be run, and may work. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

struct finding {
	const char *manager;
	bool installed, hook, fine; /* the manager; any block of ours; all as it must be */
	const char **files; /* with the hook, or that should have it */
	size_t file_count;
	const char *then, *problem, *note;
};

static bool has_block(const struct hw_root *root, const char *path)
{
	struct tree_file file;
	struct block block;
	bool broken;

	return tree_read(root, path, &file) && file.text &&
	       (block_find(file.text, &block, &broken) || broken);
}

/* What is wrong with a place, and what to do; NULL if nothing is. */
static const char *place_problem(struct plan *plan, const struct place *place, bool *hook)
{
	struct tree_file old;
	bool same = false;
	bool present = has_block(plan->root, place->path);
	const char *text = plan_text(plan, place, &old, &same);

	*hook |= present || (same && place->any);
	if (!text && errno == EBADMSG)
		return arena_printf(plan->arena,
			"%s: the block of nv-session has no end; delete it by hand", place->path);
	if (!text)
		return arena_printf(
			plan->arena, "%s cannot be read: %s", place->path, strerror(errno));
	if (same && (place->mode & 0111) && !(old.status.st_mode & 0111))
		return arena_printf(plan->arena, "%s is not executable; run: chmod 755 %s",
			place->path, place->path);
	if (same)
		return NULL;
	if (present)
		return arena_printf(plan->arena,
			"%s is not what it must be now; run: nv-session hook install %s",
			place->path, plan->manager);
	if (place->why)
		return arena_printf(plan->arena, "%s; run: nv-session hook install %s", place->why,
			plan->manager);
	return arena_printf(plan->arena, "there is no hook in %s; run: nv-session hook install %s",
		place->path, plan->manager);
}

static void find(const struct hw_root *root, const struct manager *manager, struct finding *finding)
{
	struct plan plan;

	plan_make(&plan, root, manager);
	*finding = (struct finding){.manager = manager->name,
		.installed = manager_is_there(root, manager),
		.then = plan.then,
		.note = plan.note,
		.problem = plan.problem};
	for (size_t i = 0; i < plan.place_count; i++) {
		const char *problem = place_problem(&plan, &plan.places[i], &finding->hook);

		if (!finding->problem)
			finding->problem = problem;
		*arena_push(root->arena, finding->files, finding->file_count) = plan.places[i].path;
	}
	for (const char **stale = plan_stale(&plan); *stale; stale++) {
		finding->hook = true;
		if (!finding->problem)
			finding->problem = arena_printf(root->arena,
				"%s has a hook that is of no use there; run: nv-session hook "
				"install %s",
				*stale, manager->name);
	}
	if (!finding->installed)
		finding->problem = NULL;
	finding->fine = finding->installed && !finding->problem;
}

const char *show_program_problem(const struct hw_root *root)
{
	struct stat status;
	cleanup_fd int fd = hw_root_open(root, NV_SESSION_PROGRAM, O_PATH);

	if (fd < 0 || fstat(fd, &status) != 0)
		return NV_SESSION_PROGRAM " is not there; install nv-run";
	if (!S_ISREG(status.st_mode) || !(status.st_mode & 0111))
		return NV_SESSION_PROGRAM " is not executable; run: chmod 755 " NV_SESSION_PROGRAM;
	return NULL;
}

struct state {
	struct starts starts;
	bool off, disarmed, login;
	const char *since, *program;
};

static void look(struct session *session, struct state *state)
{
	const struct hw_root *root = &session->hw.root;
	const char *word = hw_cmdline(&session->hw, "nv-session");
	char text[32] = "";
	struct tm date;

	*state = (struct state){
		.off = word && str_eq(word, "off"), .program = show_program_problem(root)};
	if (!starts_read(root, &state->starts))
		return;
	state->login = login_since(root, &state->starts.login);
	state->disarmed = state->starts.count >= HOOK_STARTS && !state->login;
	if (localtime_r(&(time_t){state->starts.when}, &date))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &date);
	state->since = arena_dup(session->arena, text);
}

static void show_text(
	const struct state *state, const struct finding *findings, size_t count, struct buf *out)
{
	if (state->program)
		buf_printf(out, "program  %s\n", state->program);
	if (state->off)
		buf_puts(out, "state    off: the kernel command line has nv-session=off\n");
	else if (state->disarmed)
		buf_printf(out,
			"state    disarmed since %s: %u starts of the X server without a login\n"
			"         a login arms it again, and so does: rm " HOOK_STATE "/starts\n",
			state->since, (unsigned)HOOK_STARTS);
	else
		buf_printf(out, "state    armed; starts without a login: %u of %u\n",
			state->login ? 0 : state->starts.count, (unsigned)HOOK_STARTS);
	for (size_t i = 0; i < count; i++) {
		const struct finding *one = &findings[i];
		size_t start = out->length;

		buf_puts(out, one->manager);
		buf_pad(out, start, 9);
		if (!one->installed)
			buf_printf(out, "not installed here%s\n",
				one->hook ? ", but its hook is; run: nv-session hook remove" : "");
		else if (one->fine)
			buf_puts(out, "the hook is run\n");
		else
			buf_printf(out, "%s: %s\n", one->hook ? "wrong" : "no hook", one->problem);
		for (size_t j = 0; one->fine && j < one->file_count; j++)
			buf_printf(out, "         in %s\n", one->files[j]);
		if (one->fine && one->then)
			buf_printf(out, "         then %s\n", one->then);
		if (one->installed && one->note)
			buf_printf(out, "         %s\n", one->note);
	}
}

static void show_json(
	const struct state *state, const struct finding *findings, size_t count, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_add_string(&json, "program", NV_SESSION_PROGRAM);
	json_add_string(&json, "program_problem", state->program);
	json_open(&json, "state", '{');
	json_add_bool(&json, "armed", !state->off && !state->disarmed);
	json_add_bool(&json, "off", state->off);
	json_add_number(&json, "starts_without_login",
		state->login                        ? 0
		: state->starts.count > HOOK_STARTS ? HOOK_STARTS
						    : (long)state->starts.count);
	json_add_string(&json, "disarmed_since", state->disarmed ? state->since : NULL);
	json_close(&json, '}');
	json_open(&json, "managers", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&json, NULL, '{');
		json_add_string(&json, "name", findings[i].manager);
		json_add_bool(&json, "installed", findings[i].installed);
		json_add_bool(&json, "hook", findings[i].hook);
		json_add_bool(&json, "wins", findings[i].fine);
		json_open(&json, "files", '[');
		for (size_t j = 0; j < findings[i].file_count; j++)
			json_add_string(&json, NULL, findings[i].files[j]);
		json_close(&json, ']');
		json_add_string(&json, "then", findings[i].then);
		json_add_string(&json, "problem", findings[i].problem);
		json_add_string(&json, "note", findings[i].note);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

int show_check(struct session *session, const struct manager *const *managers, bool all)
{
	struct finding *findings = NULL;
	struct state state;
	struct buf out = {0};
	size_t count = 0;
	int status = 0;

	look(session, &state);
	for (; *managers; managers++) {
		struct finding *finding = arena_push(session->arena, findings, count);

		find(&session->hw.root, *managers, finding);
		if (!finding->fine && (finding->installed || !all || finding->hook))
			status = EXIT_FAILED;
	}
	if (state.program || state.disarmed || state.off)
		status = EXIT_FAILED;
	if (session->options.json)
		show_json(&state, findings, count, &out);
	else
		show_text(&state, findings, count, &out);
	if (session_print(&out))
		status = EXIT_FAILED;
	buf_free(&out);
	return status;
}
