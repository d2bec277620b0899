/* SPDX-License-Identifier: MIT */
/*
 * look: the machine and its X server, put together: providers know their GPUs.
 */
#ifndef NV_SESSION_LOOK_H
#define NV_SESSION_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "x11/identify.h"
#include "x11/mode.h"
#include "x11/randr.h"

struct session;

struct look {
	const char *display; /* as asked for, "" if nothing says which */
	struct x11 *x11; /* NULL until look_connect */
	enum x11_kind kind;
	struct x11_server *server; /* the display's X screen; NULL if RandR is not there */
	struct x11_gpu *gpus; /* in the order of hw's */
	size_t gpu_count;
	bool gpus_known;
	bool nameless; /* GPUs' names are not needed: finding them takes time */
};

/*
 * Connects to the X server of --display or DISPLAY. False after saying why not (quiet: without a
 * word). Where XAUTHORITY is missing or of another server, the files that display managers and
 * compositors are known to write are tried.
 */
bool look_connect(struct session *session, struct look *look, bool quiet);

/* Reads the server anew and identifies its providers; false if it is lost or has no RandR. */
bool look_read(struct session *session, struct look *look, bool probe);

/* The GPUs, without any X server. */
void look_gpus(struct session *session, struct look *look);

void look_close(struct look *look);

/* What decides about modes: versions, parameters, displays. */
void look_facts(struct session *session, const struct look *look, struct x11_facts *facts);

/* The GPU of hw behind an x11_gpu of this look. */
struct hw_gpu *look_hw(struct session *session, const struct look *look, const struct x11_gpu *gpu);

/* "xorg", "xwayland", "other". */
const char *look_kind_name(enum x11_kind kind);

#endif
