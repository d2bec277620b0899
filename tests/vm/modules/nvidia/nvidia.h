/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What nvidia_drm takes from nvidia. */
#ifndef TEST_NVIDIA_H
#define TEST_NVIDIA_H

/* Opens, or lets go of, all GPUs on behalf of the kernel: no process has a node for it. */
void test_nvidia_hold(bool hold);

#endif
