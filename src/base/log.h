/* SPDX-License-Identifier: MIT */
/*
 * log: a program's messages on standard error, each one line, "program: text".
 */
#ifndef NV_BASE_LOG_H
#define NV_BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR, /* why the program fails; always shown */
	LOG_LEVEL_WARNING, /* shown unless -q */
	LOG_LEVEL_INFO, /* shown with -v */
};

/* program prefixes each line and must outlive all messages; 0 is neither -q nor -v. */
void log_setup(const char *program, int verbosity);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An error in the command line, and where to learn more. */
void log_usage(const char *what);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
