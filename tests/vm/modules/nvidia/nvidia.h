/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* nvidia: what the module nvidia offers nvidia_drm. */
#ifndef NV_TEST_NVIDIA_H
#define NV_TEST_NVIDIA_H

/* Uses each GPU there is now, or no longer: the kernel itself, without any process. */
void nvidia_hold(bool hold);

#endif
