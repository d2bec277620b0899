/* SPDX-License-Identifier: MIT */
/* Reads what a GPU should be; driver.h tells how it is written. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	OPTION_SPEC,
	OPTION_PROVIDER_NAME,
	OPTION_CAPS,
	OPTION_OUTPUTS,
	OPTION_CRTCS,
	OPTION_DETECT_DELAY,
	OPTION_LOG_NAME,
	OPTION_SCANOUT_DIR,
	OPTION_CONTROL_FIFO,
};

static const OptionInfoRec options[] = {
	{OPTION_SPEC, "Spec", OPTV_STRING, {0}, FALSE},
	{OPTION_PROVIDER_NAME, "ProviderName", OPTV_STRING, {0}, FALSE},
	{OPTION_CAPS, "Caps", OPTV_STRING, {0}, FALSE},
	{OPTION_OUTPUTS, "Outputs", OPTV_STRING, {0}, FALSE},
	{OPTION_CRTCS, "Crtcs", OPTV_INTEGER, {0}, FALSE},
	{OPTION_DETECT_DELAY, "DetectDelayMs", OPTV_INTEGER, {0}, FALSE},
	{OPTION_LOG_NAME, "LogName", OPTV_STRING, {0}, FALSE},
	{OPTION_SCANOUT_DIR, "ScanoutDir", OPTV_STRING, {0}, FALSE},
	{OPTION_CONTROL_FIFO, "ControlFifo", OPTV_STRING, {0}, FALSE},
	{-1, NULL, OPTV_NONE, {0}, FALSE},
};

static const struct {
	const char *name;
	uint32_t bit;
} capabilities[] = {
	{"none", 0},
	{"source-output", RR_Capability_SourceOutput},
	{"sink-output", RR_Capability_SinkOutput},
	{"source-offload", RR_Capability_SourceOffload},
	{"sink-offload", RR_Capability_SinkOffload},
};

const OptionInfoRec *testgpu_options(int chip, int bus)
{
	return options;
}

static uint32_t read_capability(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (strcasecmp(word, capabilities[i].name) == 0)
			return capabilities[i].bit;
	ErrorF("testgpu: unknown capability '%s'\n", word);
	return 0;
}

static uint32_t read_capabilities(const char *text)
{
	uint32_t bits = 0;
	char *copy, *rest, *word;

	if (strncasecmp(text, "0x", 2) == 0)
		return strtoul(text, NULL, 16);
	rest = copy = xnfstrdup(text);
	while ((word = strsep(&rest, ", ")))
		if (*word)
			bits |= read_capability(word);
	free(copy);
	return bits;
}

static void read_edid(struct testgpu_output *output, const char *hex)
{
	char digits[3] = "", *end;

	for (output->edid_size = 0; output->edid_size < MAX_EDID && hex[0] && hex[1]; hex += 2) {
		memcpy(digits, hex, 2);
		output->edid[output->edid_size++] = strtoul(digits, &end, 16);
		if (*end)
			break;
	}
	/* The server reads whole blocks, whatever their first bytes promise. */
	if (*hex || !output->edid_size || output->edid_size % 128) {
		ErrorF("testgpu: the EDID of %s is not blocks of 128 bytes\n", output->name);
		output->edid_size = 0;
	}
}

static void read_output_option(struct testgpu_output *output, const char *word)
{
	if (strncmp(word, "edid=", 5) == 0)
		read_edid(output, word + 5);
	else if (strncmp(word, "refuse-from=", 12) == 0)
		output->refuse_from = (int)strtol(word + 12, NULL, 10);
	else if (*word)
		ErrorF("testgpu: unknown option '%s' of %s\n", word, output->name);
}

static void read_mode(struct testgpu_output *output, const char *word)
{
	struct testgpu_mode mode = {.hz = 60};
	char *end;

	mode.width = (int)strtol(word, &end, 10);
	if (*end == 'x')
		mode.height = (int)strtol(end + 1, &end, 10);
	if (*end == '@')
		mode.hz = strtof(end + 1, &end);
	if (*end || mode.width <= 0 || mode.height <= 0 || mode.hz <= 0)
		ErrorF("testgpu: '%s' of %s is no mode\n", word, output->name);
	else if (output->mode_count < MAX_MODES)
		output->modes[output->mode_count++] = mode;
}

static void read_output(struct testgpu_output *output, char *text)
{
	char *name = strsep(&text, ":"), *state = strsep(&text, ":"), *modes = strsep(&text, ":");
	char *word;

	memset(output, 0, sizeof(*output));
	snprintf(output->name, sizeof(output->name), "%s", name);
	output->connected = state && *state == 'c';
	output->refuses = state && strchr(state, '!');
	while ((word = strsep(&modes, ",")))
		if (*word)
			read_mode(output, word);
	if (!output->mode_count)
		read_mode(output, "1024x768");
	while ((word = strsep(&text, ",")))
		read_output_option(output, word);
}

static void read_outputs(struct testgpu_spec *spec, const char *text)
{
	char *copy = xnfstrdup(text), *rest = copy, *word;

	spec->output_count = 0;
	while ((word = strsep(&rest, ";")) && spec->output_count < MAX_OUTPUTS)
		if (*word)
			read_output(&spec->outputs[spec->output_count++], word);
	free(copy);
}

static void read_all(struct testgpu_spec *spec, const char *text)
{
	char *copy = xnfstrdup(text), *rest = copy, *provider = strsep(&rest, "|"),
	     *bits = strsep(&rest, "|");

	if (*provider)
		snprintf(spec->provider, sizeof(spec->provider), "%s", provider);
	if (bits && *bits)
		spec->capabilities = read_capabilities(bits);
	if (rest)
		read_outputs(spec, rest);
	free(copy);
}

/* What a GPU is if nothing is said about it. */
static void set_defaults(ScrnInfoPtr scrn, struct testgpu_spec *spec)
{
	spec->crtc_count = -1;
	if (scrn->is_gpu) {
		snprintf(spec->provider, sizeof(spec->provider), "%s-G%d", testgpu_name,
			scrn->scrnIndex - GPU_SCREEN_OFFSET);
		spec->capabilities = RR_Capability_SinkOutput | RR_Capability_SourceOffload;
	} else {
		snprintf(spec->provider, sizeof(spec->provider), "%s-%d", testgpu_name,
			scrn->scrnIndex);
		spec->capabilities = RR_Capability_SourceOutput | RR_Capability_SinkOffload;
		read_outputs(spec, "TEST-1:c:1280x720,1024x768,800x600");
	}
}

static void copy_path(char *path, size_t size, const char *option, const char *variable)
{
	if (option || (option = getenv(variable)))
		snprintf(path, size, "%s", option);
}

void testgpu_read_spec(ScrnInfoPtr scrn, struct testgpu_spec *spec)
{
	OptionInfoPtr given = xnfalloc(sizeof(options));
	const char *value;

	memcpy(given, options, sizeof(options));
	xf86ProcessOptions(scrn->scrnIndex, scrn->options, given);
	set_defaults(scrn, spec);
	if ((value = xf86GetOptValString(given, OPTION_PROVIDER_NAME)))
		snprintf(spec->provider, sizeof(spec->provider), "%s", value);
	if ((value = xf86GetOptValString(given, OPTION_CAPS)))
		spec->capabilities = read_capabilities(value);
	if ((value = xf86GetOptValString(given, OPTION_OUTPUTS)))
		read_outputs(spec, value);
	if ((value = xf86GetOptValString(given, OPTION_SPEC)))
		read_all(spec, value);
	if (!scrn->is_gpu && scrn->scrnIndex == 0 && (value = getenv("TESTGPU_PRIMARY")))
		read_all(spec, value);
	if ((value = xf86GetOptValString(given, OPTION_LOG_NAME)))
		snprintf(spec->log_name, sizeof(spec->log_name), "%s", value);
	copy_path(spec->scanout_dir, sizeof(spec->scanout_dir),
		xf86GetOptValString(given, OPTION_SCANOUT_DIR), "TESTGPU_SCANOUT_DIR");
	copy_path(spec->fifo, sizeof(spec->fifo), xf86GetOptValString(given, OPTION_CONTROL_FIFO),
		"TESTGPU_FIFO");
	xf86GetOptValInteger(given, OPTION_DETECT_DELAY, &spec->detect_ms);
	xf86GetOptValInteger(given, OPTION_CRTCS, &spec->crtc_count);
	if (spec->crtc_count < 0)
		spec->crtc_count = spec->output_count;
	free(given);
}
