/* SPDX-License-Identifier: MIT */
/* place: where on the X screen new pictures go. */
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "x11/internal.h"

struct box {
	int left, top, right, bottom;
	bool any;
};

static void grow(struct box *box, const struct x11_crtc *crtc)
{
	int right = crtc->x + (int)crtc->width, bottom = crtc->y + (int)crtc->height;

	if (!box->any) {
		*box = (struct box){crtc->x, crtc->y, right, bottom, true};
		return;
	}
	box->left = crtc->x < box->left ? crtc->x : box->left;
	box->top = crtc->y < box->top ? crtc->y : box->top;
	box->right = right > box->right ? right : box->right;
	box->bottom = bottom > box->bottom ? bottom : box->bottom;
}

static void place(struct x11_crtc *crtc, const struct box *box, enum x11_layout layout)
{
	crtc->x = box->left;
	crtc->y = box->top;
	switch (layout) {
	case X11_RIGHT_OF:
		crtc->x = box->right;
		break;
	case X11_LEFT_OF:
		crtc->x = box->left - (int)crtc->width;
		break;
	case X11_ABOVE:
		crtc->y = box->top - (int)crtc->height;
		break;
	case X11_BELOW:
		crtc->y = box->bottom;
		break;
	case X11_MIRROR:
		break;
	}
}

static void place_pictures(struct picture *pictures, size_t count, enum x11_layout layout)
{
	struct box box = {0};
	int left = 0, top = 0;
	bool fixed = false;

	for (size_t i = 0; i < count; i++) {
		if ((!pictures[i].is_new || pictures[i].fixed) && !pictures[i].leaving)
			grow(&box, &pictures[i].crtc);
		fixed |= pictures[i].fixed;
	}
	/* What has a place of its own cannot make room on the left or above. */
	if (fixed && layout == X11_LEFT_OF)
		layout = X11_RIGHT_OF;
	if (fixed && layout == X11_ABOVE)
		layout = X11_BELOW;
	for (size_t i = 0; i < count; i++) {
		if (!pictures[i].is_new || pictures[i].fixed)
			continue;
		if (box.any)
			place(&pictures[i].crtc, &box, layout);
		else
			pictures[i].crtc.x = pictures[i].crtc.y = 0;
		grow(&box, &pictures[i].crtc);
	}
	left = box.left < 0 ? -box.left : 0;
	top = box.top < 0 ? -box.top : 0;
	for (size_t i = 0; i < count; i++) {
		pictures[i].crtc.x += left;
		pictures[i].crtc.y += top;
	}
}

void pictures_extent(const struct pictures *pictures, unsigned *width, unsigned *height)
{
	for (size_t i = 0; i < pictures->count; i++) {
		const struct x11_crtc *crtc = &pictures->list[i].crtc;

		if ((unsigned)crtc->x + crtc->width > *width)
			*width = (unsigned)crtc->x + crtc->width;
		if ((unsigned)crtc->y + crtc->height > *height)
			*height = (unsigned)crtc->y + crtc->height;
	}
}

static bool is_changed(const struct planner *planner, const struct picture *picture)
{
	const struct x11_request request = {.action = X11_CRTC, .crtc = picture->crtc};

	return !x11_holds(planner->server, &request);
}

/*
 * Gives up the last new picture, or else the last change to one that is there; false if there is
 * nothing to give up.
 */
static bool give_up(struct planner *planner, struct pictures *pictures, const char *why)
{
	struct picture *picture;
	size_t i = pictures->count;

	while (i && !pictures->list[i - 1].is_new && !is_changed(planner, &pictures->list[i - 1]))
		i--;
	if (!i)
		return false;
	picture = &pictures->list[i - 1];
	planner_note(
		planner, arena_printf(planner->arena, "%s %s: %s",
				 x11_output(planner->server, picture->crtc.outputs.list[0])->name,
				 picture->is_new ? "stays dark"
						 : "keeps its mode and place, not the wished one",
				 why));
	if (picture->is_new)
		pictures->count--;
	else
		*picture = (struct picture){.crtc = *x11_crtc(planner->server, picture->crtc.id)};
	return true;
}

/* memcpy takes no NULL, not even for nothing. */
static void copy_pictures(struct picture *to, const struct picture *from, size_t count)
{
	if (count)
		memcpy(to, from, count * sizeof(*to));
}

/* Where something was taken away, what is left moves to the corner, so that no part of the X
 * screen is shown by nobody. Places that were asked for stay. */
void pictures_pull_back(const struct pictures *pictures)
{
	int left = INT_MAX, top = INT_MAX;

	for (size_t i = 0; i < pictures->count; i++) {
		const struct picture *picture = &pictures->list[i];

		if (picture->fixed)
			return;
		left = picture->crtc.x < left ? picture->crtc.x : left;
		top = picture->crtc.y < top ? picture->crtc.y : top;
	}
	for (size_t i = 0; i < pictures->count; i++) {
		pictures->list[i].crtc.x -= left;
		pictures->list[i].crtc.y -= top;
	}
}

/* Places pictures; gives up one after the other while the X screen would be too large. */
void planner_fit(struct planner *planner, struct pictures *pictures)
{
	const struct x11_server *server = planner->server;
	struct picture *wished = arena_alloc(planner->arena, pictures->count * sizeof(*wished) + 1);
	unsigned width, height;

	do {
		copy_pictures(wished, pictures->list, pictures->count);
		width = height = 0;
		place_pictures(pictures->list, pictures->count, planner->wish->layout);
		pictures_extent(pictures, &width, &height);
		if (width <= server->max_width && height <= server->max_height)
			return;
		copy_pictures(pictures->list, wished, pictures->count);
	} while (give_up(planner, pictures,
		arena_printf(planner->arena,
			"with it the X screen would be %ux%u, the server's limit is %ux%u", width,
			height, server->max_width, server->max_height)));
}
