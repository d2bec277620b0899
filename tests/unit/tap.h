/* SPDX-License-Identifier: MIT */
/*
 * tap: tests as functions whose names are sentences; prints the Test Anything Protocol.
 *
 * A test fails at its first check that does not hold, and says which. End a file with
 * TAP_MAIN(TEST(name), TEST(name), ...).
 */
#ifndef NV_TESTS_TAP_H
#define NV_TESTS_TAP_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

static jmp_buf tap_failed;

/* Called before and after all tests. */
static void tap_begin(void);
static void tap_end(void);

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                   \
			longjmp(tap_failed, 1);                                                    \
		}                                                                                  \
	} while (0)

#define check_text(got, expected)                                                                  \
	do {                                                                                       \
		const char *got_ = (got), *expected_ = (expected);                                 \
		if (!got_ || !expected_ ? got_ != expected_ : strcmp(got_, expected_) != 0) {      \
			printf("# %s:%d: expected \"%s\", got \"%s\"\n", __FILE__, __LINE__,       \
				expected_ ? expected_ : "(null)", got_ ? got_ : "(null)");         \
			longjmp(tap_failed, 1);                                                    \
		}                                                                                  \
	} while (0)

/* name_as_words becomes "name as words". */
static inline int tap_main(const struct tap_test *tests, int count)
{
	volatile int failures = 0;

	tap_begin();
	printf("1..%d\n", count);
	for (volatile int i = 0; i < count; i++) {
		int failed = setjmp(tap_failed);

		if (!failed)
			tests[i].run();
		failures += failed != 0;
		printf("%sok %d - ", failed ? "not " : "", i + 1);
		for (const char *c = tests[i].name; *c; c++)
			putchar(*c == '_' ? ' ' : *c);
		putchar('\n');
		fflush(stdout);
	}
	tap_end();
	return failures > 0;
}

#define TAP_MAIN(...)                                                                              \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct tap_test tests[] = {__VA_ARGS__};                              \
		return tap_main(tests, (int)(sizeof(tests) / sizeof(*tests)));                     \
	}

#endif
