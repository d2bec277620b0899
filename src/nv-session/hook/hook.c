/* SPDX-License-Identifier: MIT */
/* hook: install, remove, check, and login. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

static const char *const verbs[] = {"install", "remove", "check", "login", NULL};

static int usage(const char *what, const char *word, const char *const *known)
{
	const char *meant = str_similar(word, known);
	struct buf list = {0};

	for (const char *const *one = known; *one; one++)
		buf_printf(&list, "%s%s", one == known ? "" : ", ", *one);
	log_error("unknown %s '%s'; %s%s%s", what, word, meant ? "did you mean '" : "it is one of ",
		meant ? meant : buf_text(&list), meant ? "'?" : "");
	buf_free(&list);
	return EXIT_USAGE;
}

static const struct manager *find(const char *name)
{
	const struct manager *manager = hook_managers;

	while (manager->name && !str_eq(manager->name, name))
		manager++;
	return manager->name ? manager : NULL;
}

static int unknown_manager(const char *word)
{
	const char *names[16] = {0};

	for (size_t i = 0; hook_managers[i].name; i++)
		names[i] = hook_managers[i].name;
	return usage("display manager", word, names);
}

/* Those named, or all; NULL-ended. NULL after saying that one is unknown. */
static const struct manager **choose(struct session *session, bool *all)
{
	const struct manager **chosen = NULL;
	size_t count = 0;

	*all = session->options.word_count == 1;
	for (const struct manager *one = hook_managers; *all && one->name; one++)
		*arena_push(session->arena, chosen, count) = one;
	for (size_t i = 1; i < session->options.word_count; i++) {
		const struct manager *one = find(session->options.words[i]);

		if (!one) {
			unknown_manager(session->options.words[i]);
			return NULL;
		}
		*arena_push(session->arena, chosen, count) = one;
	}
	*arena_push(session->arena, chosen, count) = NULL;
	return chosen;
}

static int change(struct session *session, const struct manager **managers, bool all, bool add)
{
	const struct hw_root *root = &session->hw.root;
	const char *problem = add ? show_program_problem(root) : NULL;
	struct buf out = {0};
	bool done = true, any = false;

	if (problem) {
		log_error("no hook can work: %s", problem);
		return EXIT_FAILED;
	}
	for (; *managers; managers++) {
		size_t before = out.length;
		struct plan plan;
		bool fine;

		if (add && all && !manager_is_there(root, *managers))
			continue;
		any = true;
		plan_make(&plan, root, *managers);
		fine = add ? plan_install(&plan, &out) : plan_remove(&plan, &out);
		done &= fine;
		if (fine && out.length == before && (add || !all))
			buf_printf(&out, "%s: nothing to do\n", plan.manager);
		if (fine && add && plan.note)
			buf_printf(&out, "%s: %s\n", plan.manager, plan.note);
	}
	if (!any)
		log_error("no display manager is installed; name one of them to install its hook");
	else if (done && !out.length)
		buf_puts(&out, "nothing to do\n");
	/* So that a user's session can say that it is there before the first hook has run. */
	if (add && any && done && tree_directory(root, HOOK_STATE))
		login_prepare(root);
	if (out.length && session_print(&out))
		done = false;
	buf_free(&out);
	return done && any ? 0 : EXIT_FAILED;
}

/* For the session of a user, where nothing is wrong if there is no hook. */
static int login(struct session *session)
{
	if (login_mark(&session->hw.root) || errno == ENOENT)
		return 0;
	log_error("cannot touch " HOOK_STATE "/login: %s", strerror(errno));
	return EXIT_FAILED;
}

int hook_run(struct session *session)
{
	const char *verb = session->options.words[0];
	const struct manager **managers;
	const char *const *known = verbs;
	bool all;

	while (*known && !str_eq(*known, verb))
		known++;
	if (!*known)
		return usage("word", verb, verbs);
	if (session->options.json && !str_eq(verb, "check")) {
		log_error("hook %s takes no option --json", verb);
		return EXIT_USAGE;
	}
	if (str_eq(verb, "login") && session->options.word_count > 1) {
		log_error("hook login takes no argument '%s'", session->options.words[1]);
		return EXIT_USAGE;
	}
	if (str_eq(verb, "login"))
		return login(session);
	managers = choose(session, &all);
	if (!managers)
		return EXIT_USAGE;
	if (str_eq(verb, "check"))
		return show_check(session, managers, all);
	return change(session, managers, all, str_eq(verb, "install"));
}
