/* SPDX-License-Identifier: MIT */
/* check: what the checks of preflight.c and preflight-use.c share. */
#ifndef NV_GPU_BIND_CHECK_H
#define NV_GPU_BIND_CHECK_H

#include "base/mem.h"
#include "nv-gpu/bind/bind.h"

#define text(...) arena_printf(findings->arena, __VA_ARGS__)

/* Adds a finding that refuses; one that may be over in a while; one that is only told. */
void bind_refuse(struct bind_findings *findings, const char *what, const char *cure);
void bind_busy(struct bind_findings *findings, const char *what, const char *cure);
void bind_note(struct bind_findings *findings, const char *what, const char *cure);

/* The GPU's own function, if it is one of those that lose a driver. */
const struct bind_function *bind_leaving(const struct bind_facts *facts);

/* preflight-use.c: whoever and whatever uses the slot. */
void check_holders(const struct bind_facts *facts, struct bind_findings *findings);
void check_common(const struct bind_facts *facts, struct bind_findings *findings);
void check_unseen(const struct bind_facts *facts, struct bind_findings *findings);
void check_persistence(const struct bind_facts *facts, struct bind_findings *findings);
void check_modeset(const struct bind_facts *facts, struct bind_findings *findings);
void check_uses(const struct bind_facts *facts, struct bind_findings *findings);

#endif
