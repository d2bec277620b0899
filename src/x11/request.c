/* SPDX-License-Identifier: MIT */
#include "x11/request.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "x11/identify.h"

static bool is_link(const struct x11_request *request)
{
	return request->action == X11_LINK && request->source;
}

static bool is_lighting(const struct x11_request *request)
{
	return request->action == X11_CRTC && request->crtc.mode;
}

static bool provider_is_gone(const struct x11_server *server, const struct x11_request *request)
{
	return request->action == X11_LINK && !x11_provider(server, request->provider);
}

static bool screen_is_sink(const struct x11_server *server, const struct x11_request *request)
{
	return request->action == X11_LINK && x11_provider(server, request->provider)->screen;
}

/* Tried on Xorg 21.1.7: any other source fails an assertion in AttachOutputGPU. */
static bool source_is_no_screen(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_provider *source = x11_provider(server, request->source);

	return is_link(request) && (!source || !source->screen);
}

static bool cannot_be_sink(const struct x11_server *server, const struct x11_request *request)
{
	return is_link(request) &&
	       !(x11_provider(server, request->provider)->capabilities & X11_SINK_OUTPUT);
}

static bool cannot_be_source(const struct x11_server *server, const struct x11_request *request)
{
	return is_link(request) &&
	       !(x11_provider(server, request->source)->capabilities & X11_SOURCE_OUTPUT);
}

/* A link cut under a CRTC that runs leaves the server with the pixmap of a screen that is no
 * longer there. */
static bool cuts_lit_output(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_provider *provider;

	if (request->action != X11_LINK || request->source)
		return false;
	provider = x11_provider(server, request->provider);
	for (size_t i = 0; i < provider->crtcs.count; i++) {
		const struct x11_crtc *crtc = x11_crtc(server, provider->crtcs.list[i]);

		if (crtc && crtc->mode)
			return true;
	}
	return false;
}

static bool crtc_is_gone(const struct x11_server *server, const struct x11_request *request)
{
	return request->action == X11_CRTC && !x11_crtc(server, request->crtc.id);
}

static bool crtc_cannot_drive(const struct x11_server *server, const struct x11_request *request)
{
	if (!is_lighting(request))
		return false;
	for (size_t i = 0; i < request->crtc.outputs.count; i++) {
		const struct x11_output *output = x11_output(server, request->crtc.outputs.list[i]);

		if (!output || !x11_ids_have(&output->crtcs, request->crtc.id))
			return true;
	}
	return request->crtc.outputs.count == 0;
}

static bool output_has_no_such_mode(
	const struct x11_server *server, const struct x11_request *request)
{
	if (!is_lighting(request))
		return false;
	for (size_t i = 0; i < request->crtc.outputs.count; i++) {
		if (!x11_ids_have(&x11_output(server, request->crtc.outputs.list[i])->modes,
			    request->crtc.mode))
			return true;
	}
	return false;
}

static bool output_is_not_linked(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_provider *owner;

	if (!is_lighting(request))
		return false;
	owner = x11_owner(server, request->crtc.id);
	return owner && !owner->screen && !owner->output_source;
}

static bool does_not_fit(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_crtc *crtc = &request->crtc;

	/* Without sums, which can overflow: a state to go back to is anybody's text. */
	return is_lighting(request) && (crtc->x < 0 || crtc->y < 0 || crtc->width > server->width ||
					       crtc->height > server->height ||
					       (unsigned)crtc->x > server->width - crtc->width ||
					       (unsigned)crtc->y > server->height - crtc->height);
}

static bool too_large(const struct x11_server *server, const struct x11_request *request)
{
	return request->action == X11_SIZE &&
	       (request->width > server->max_width || request->height > server->max_height ||
		       !request->width || !request->height);
}

static bool cuts_picture(const struct x11_server *server, const struct x11_request *request)
{
	for (size_t i = 0; request->action == X11_SIZE && i < server->crtc_count; i++) {
		const struct x11_crtc *crtc = &server->crtcs[i];

		if (crtc->mode && ((unsigned)crtc->x + crtc->width > request->width ||
					  (unsigned)crtc->y + crtc->height > request->height))
			return true;
	}
	return false;
}

static bool primary_is_external(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_provider *owner;

	if (request->action != X11_PRIMARY || !request->output)
		return false;
	owner = x11_owner(server, request->output);
	return owner && !owner->screen && owner->gpu && owner->gpu->external;
}

/*
 * In this order: later checks rely on earlier ones. There is none about detaching an offload sink,
 * which ends Xorg 21.1.7: there is no request that could.
 */
const struct x11_check x11_checks[] = {
	{"provider-is-there", "the provider is gone", provider_is_gone},
	{"sink-is-a-gpu-screen", "the GPU of the X screen shows its own pictures", screen_is_sink},
	{"source-is-the-screen", "a source that drives no X screen aborts the server",
		source_is_no_screen},
	{"sink-can-be-one", "the provider lacks the capability Sink Output", cannot_be_sink},
	{"source-can-be-one", "the source lacks the capability Source Output", cannot_be_source},
	{"link-is-idle", "its outputs still show something", cuts_lit_output},
	{"crtc-is-there", "the CRTC is gone", crtc_is_gone},
	{"crtc-reaches-output", "the CRTC cannot drive that output", crtc_cannot_drive},
	{"output-has-mode", "the output has no such mode", output_has_no_such_mode},
	{"output-is-linked", "the output shows nobody's pictures yet", output_is_not_linked},
	{"crtc-fits", "it would lie outside the X screen", does_not_fit},
	{"size-is-possible", "the server cannot have an X screen of that size", too_large},
	{"size-holds-pictures", "a picture would lie outside the X screen", cuts_picture},
	{"primary-stays", "an X server ends when the GPU of its primary output is unplugged",
		primary_is_external},
	{NULL, NULL, NULL},
};

const struct x11_check *x11_forbidden(
	const struct x11_server *server, const struct x11_request *request)
{
	for (const struct x11_check *check = x11_checks; check->name; check++) {
		if (check->broken(server, request))
			return check;
	}
	return NULL;
}

static void apply_link(
	struct arena *arena, struct x11_server *server, const struct x11_request *request)
{
	struct x11_provider *provider = x11_provider(server, request->provider);

	(void)arena;
	provider->output_source = request->source;
	for (size_t i = 0; i < server->output_count; i++) {
		struct x11_output *output = &server->outputs[i];

		if (!x11_ids_have(&provider->outputs, output->id))
			continue;
		output->listed = request->source;
		output->sync = request->source ? 1 : -1;
	}
}

static void apply_crtc(
	struct arena *arena, struct x11_server *server, const struct x11_request *request)
{
	struct x11_crtc *crtc = x11_crtc(server, request->crtc.id);

	for (size_t i = 0; i < server->output_count; i++) {
		if (server->outputs[i].crtc == crtc->id)
			server->outputs[i].crtc = 0;
	}
	*crtc = request->crtc;
	crtc->outputs = (struct x11_ids){0};
	if (!crtc->mode) {
		crtc->x = crtc->y = 0;
		crtc->width = crtc->height = 0;
	}
	for (size_t i = 0; crtc->mode && i < request->crtc.outputs.count; i++) {
		struct x11_output *output = x11_output(server, request->crtc.outputs.list[i]);
		struct x11_crtc *other = x11_crtc(server, output->crtc);

		/* As in the server: an output that moves leaves its old CRTC. */
		for (size_t j = 0; other && j < other->outputs.count; j++) {
			if (other->outputs.list[j] == output->id)
				other->outputs.list[j] =
					other->outputs.list[--other->outputs.count];
		}
		output->crtc = crtc->id;
		x11_ids_add(arena, &crtc->outputs, output->id);
	}
}

void x11_apply(struct arena *arena, struct x11_server *server, const struct x11_request *request)
{
	switch (request->action) {
	case X11_LINK:
		apply_link(arena, server, request);
		break;
	case X11_SYNC:
		x11_output(server, request->output)->sync = request->value;
		break;
	case X11_SIZE:
		server->width = request->width;
		server->height = request->height;
		server->mm_width = request->mm_width;
		server->mm_height = request->mm_height;
		break;
	case X11_CRTC:
		apply_crtc(arena, server, request);
		break;
	case X11_PRIMARY:
		server->primary = request->output;
		break;
	}
}

static bool same_outputs(const struct x11_ids *one, const struct x11_ids *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		if (!x11_ids_have(other, one->list[i]))
			return false;
	}
	return true;
}

static bool crtc_holds(const struct x11_server *server, const struct x11_crtc *wanted)
{
	const struct x11_crtc *crtc = x11_crtc(server, wanted->id);

	/* One that is gone is off. */
	if (!crtc || !crtc->mode || !wanted->mode)
		return (!crtc || !crtc->mode) && !wanted->mode;
	return crtc->mode == wanted->mode && crtc->x == wanted->x && crtc->y == wanted->y &&
	       crtc->rotation == wanted->rotation && same_outputs(&crtc->outputs, &wanted->outputs);
}

bool x11_holds(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_provider *provider;
	const struct x11_output *output;

	switch (request->action) {
	case X11_LINK:
		provider = x11_provider(server, request->provider);
		return provider ? provider->output_source == request->source : !request->source;
	case X11_SYNC:
		output = x11_output(server, request->output);
		return output && output->sync == request->value;
	case X11_SIZE:
		return server->width == request->width && server->height == request->height;
	case X11_CRTC:
		return crtc_holds(server, &request->crtc);
	case X11_PRIMARY:
		return server->primary == request->output;
	}
	return false;
}

static const char *output_name(const struct x11_server *server, uint32_t id)
{
	const struct x11_output *output = x11_output(server, id);

	return output ? output->name : "?";
}

static void crtc_text(
	struct buf *out, const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_crtc *crtc = &request->crtc;
	const struct x11_mode *mode = x11_mode(server, crtc->mode);
	const struct x11_crtc *now = x11_crtc(server, crtc->id);
	const struct x11_ids *outputs = crtc->mode || !now ? &crtc->outputs : &now->outputs;

	for (size_t i = 0; i < outputs->count; i++) {
		buf_puts(out, i ? " --output " : "--output ");
		str_shell_quote(out, output_name(server, outputs->list[i]));
		if (!crtc->mode) {
			buf_puts(out, " --off");
			continue;
		}
		if (mode)
			buf_printf(out, " --mode %ux%u --rate %.2f", mode->width, mode->height,
				mode->rate);
		else
			buf_puts(out, " --preferred");
		buf_printf(out, " --pos %dx%d", crtc->x, crtc->y);
		if (crtc->rotation && crtc->rotation != X11_ROTATE_0)
			buf_printf(out, " --rotate %s", x11_rotation_name(crtc->rotation));
	}
}

void x11_request_text(
	struct buf *out, const struct x11_server *server, const struct x11_request *request)
{
	switch (request->action) {
	case X11_LINK:
		/* By id: names repeat. xrandr takes the sink first. */
		buf_printf(out, "--setprovideroutputsource 0x%x 0x%x", request->provider,
			request->source);
		break;
	case X11_SYNC:
		buf_puts(out, "--output ");
		str_shell_quote(out, output_name(server, request->output));
		buf_printf(out, " --set 'PRIME Synchronization' %d", request->value);
		break;
	case X11_SIZE:
		buf_printf(out, "--fb %ux%u", request->width, request->height);
		break;
	case X11_CRTC:
		crtc_text(out, server, request);
		break;
	case X11_PRIMARY:
		if (!request->output) {
			buf_puts(out, "--noprimary");
			break;
		}
		buf_puts(out, "--output ");
		str_shell_quote(out, output_name(server, request->output));
		buf_puts(out, " --primary");
		break;
	}
}
