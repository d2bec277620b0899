/* SPDX-License-Identifier: MIT */
/* select: the machine's GPUs, and those that a word means. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/slot.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/gpu.h"
#include "offload/offload.h"
#include "rule/rule.h"

const char *gpu_title(struct gpu_run *run, struct hw_gpu *gpu)
{
	return arena_printf(run->arena, "%s %s",
		str_starts(gpu->slot, "0000:") ? gpu->slot + 5 : gpu->slot,
		hw_gpu_name(&run->hw, gpu));
}

void gpu_scan(struct gpu_run *run)
{
	struct rule_reader machine;
	const char *problem;
	size_t length;
	const char *text = tree_trusted(&run->hw.root, NV_MACHINE_CONF, &length, &problem);

	offload_machine(&machine, run->arena, NV_MACHINE_CONF, text, length, problem);
	for (size_t i = 0; i < machine.mistake_count; i++) {
		const struct rule_mistake *mistake = &machine.mistakes[i];

		if (mistake->line)
			log_warning("%s:%u:%u: %s", mistake->file, mistake->line, mistake->column,
				mistake->text);
		else
			log_warning("%s: %s", mistake->file, mistake->text);
	}
	hw_scan_all(&run->hw);
	offload_roles(run->arena, &machine, run->hw.gpus, run->hw.count);
	hw_judge(&run->hw);
}

static bool is_in_slot(const struct hw_gpu *gpu, const char *slot, int function)
{
	size_t length = strlen(slot);

	return str_starts(gpu->slot, slot) && gpu->slot[length] == '.' &&
	       (function < 0 || gpu->slot[length + 1] == '0' + function);
}

static bool there_is_none(const struct gpu_run *run, const char *word)
{
	if (run->hw.count)
		log_error("there is no GPU '%s'; 'nv-gpu list' shows those there are", word);
	else
		log_error("there is no GPU on this machine");
	return false;
}

bool gpu_select(struct gpu_run *run, struct hw_gpu ***gpus, size_t *count)
{
	const char *word = run->options.word_count ? run->options.words[0] : NULL;
	const char *wrong, *slot;
	int function;
	struct rule_selector selector;
	struct offload_choice choice;

	gpu_scan(run);
	*gpus = run->hw.gpus;
	*count = run->hw.count;
	if (!word)
		return true;
	*gpus = NULL;
	*count = 0;
	slot = slot_parse(run->arena, word, &function);
	for (size_t i = 0; i < run->hw.count; i++) {
		struct hw_gpu *gpu = run->hw.gpus[i];

		if (slot ? is_in_slot(gpu, slot, function) : str_eq(gpu->slot, word))
			*arena_push(run->arena, *gpus, *count) = gpu;
	}
	if (slot || *count)
		return *count || there_is_none(run, word);
	wrong = rule_selector_parse(run->arena, word, &selector);
	if (wrong) {
		log_error("%s", wrong);
		return false;
	}
	for (size_t i = 0; i < run->hw.count; i++) {
		hw_gpu_name(&run->hw, run->hw.gpus[i]);
		hw_gpu_nvidia(&run->hw, run->hw.gpus[i]);
	}
	/* An unusable one may be looked at too. */
	offload_choose(run->arena, run->hw.gpus, run->hw.count, &selector, &choice);
	if (!choice.gpu)
		choice.gpu = choice.meant;
	if (!choice.gpu)
		return there_is_none(run, word);
	*arena_push(run->arena, *gpus, *count) = choice.gpu;
	return true;
}
