/* SPDX-License-Identifier: MIT */
/* machine: the GPUs with their roles. */
#include "hw/tree.h"
#include "nv-session/session.h"
#include "offload/offload.h"

void session_gpus(struct arena *arena, struct hw *hw)
{
	struct rule_reader machine;
	const char *problem;
	size_t length;
	const char *text = tree_trusted(&hw->root, NV_MACHINE_CONF, &length, &problem);

	/* What is wrong in it is for nv-run to say: a login is no place for that. */
	offload_machine(&machine, arena, NV_MACHINE_CONF, text, length, problem);
	hw_scan_all(hw);
	offload_roles(arena, &machine, hw->gpus, hw->count);
	hw_judge(hw);
}
