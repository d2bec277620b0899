/* SPDX-License-Identifier: MIT */
#ifndef NV_TESTS_BIND_CARD_H
#define NV_TESTS_BIND_CARD_H

#include "nv-gpu/bind/bind.h"

/* A card of four functions, all with the host, alone in its group; root; going to vfio-pci. Each
 * call overwrites what the last one gave. */
struct bind_facts bind_card(struct arena *arena);

#endif
