/* SPDX-License-Identifier: MIT */
/* connector: what is plugged in, as far as the kernel knows already. */
#include <fcntl.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

enum { EDID_LIMIT = 32 << 10 };

void hw_connectors(struct hw *hw)
{
	for (size_t i = 0; i < hw->connector_count; i++) {
		struct hw_connector *connector = &hw->connectors[i];
		const char *path = arena_printf(hw->root.arena, HW_CLASS_DRM "/card%d-%s",
			connector->card, connector->name);
		const char *status = hw_root_attr(&hw->root, path, "status");
		int fd;

		connector->connected = status && str_eq(status, "connected");
		if (!connector->connected)
			continue;
		/* Both files give what the last probe left (drm_sysfs.c): reading asks nobody. */
		fd = hw_root_open(&hw->root, arena_path(hw->root.arena, path, "edid"), O_RDONLY);
		if (fd < 0)
			continue;
		connector->edid = (const unsigned char *)file_text_fd(
			hw->root.arena, fd, EDID_LIMIT, &connector->edid_length);
	}
}
