/* SPDX-License-Identifier: MIT */
/* place: where on the X screen new pictures go. */
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

void place_pictures(struct picture *pictures, size_t count, enum x11_layout layout)
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
